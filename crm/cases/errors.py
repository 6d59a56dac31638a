"""What can go wrong with a case, in the user's words."""

from __future__ import annotations

from crm.core.errors import Conflict, NotFound


class NoSuchCase(NotFound):
    """Not there, or outside the jurisdiction."""

    def __init__(self) -> None:
        super().__init__("没有找到这条诉求，或者它不在您的辖区内。")


class NotNow(Conflict):
    """The step does not follow from where the case is."""

    def __init__(self, step: str, stage: str) -> None:
        super().__init__(f"这条诉求现在是“{stage}”，不能做“{step}”。请刷新后看看有没有人刚刚办过。")


class AlreadyClosed(NotNow):
    """Closed cases take notes and the firm's answer, nothing else."""

    def __init__(self) -> None:
        Conflict.__init__(self, "这条诉求已经办结。要继续办，请先重新打开。")


class StillOpen(NotNow):
    """The firm's answer belongs to a closed case."""

    def __init__(self) -> None:
        Conflict.__init__(self, "这条诉求还没有办结，请先办结再回访。")


class ChangedMeanwhile(Conflict):
    """Somebody else took a step in between."""

    def __init__(self) -> None:
        super().__init__("这条诉求刚被别人办过一步，您看到的不是最新的。请刷新后再办。")
