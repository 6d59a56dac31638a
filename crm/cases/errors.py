"""What can go wrong with a case, in the user's words."""

from __future__ import annotations

from crm.core.errors import Conflict, NotFound


class NoSuchCase(NotFound):
    """Not there, or outside the jurisdiction."""

    def __init__(self) -> None:
        super().__init__("没有找到这条诉求，或者它不在您的辖区内。")


class AlreadyClosed(Conflict):
    """Closed cases take notes and the firm's answer, nothing else."""

    def __init__(self) -> None:
        super().__init__("这条诉求已经办结。要继续办，请先重新打开。")


class StillOpen(Conflict):
    """The firm's answer belongs to a closed case."""

    def __init__(self) -> None:
        super().__init__("这条诉求还没有办结，请先办结再回访。")
