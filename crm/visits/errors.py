"""What can go wrong with a visit, in the user's words."""

from __future__ import annotations

from crm.core.errors import Conflict, NotFound


class NoSuchVisit(NotFound):
    """Not there, or outside the jurisdiction."""

    def __init__(self) -> None:
        super().__init__("没有找到这次走访，或者它不在您的辖区内。")


class Frozen(Conflict):
    """The record is signed off: only supplements from here on."""

    def __init__(self, number: str) -> None:
        super().__init__(f"这份记录已签发（{number}），内容不能再改。有遗漏请用“补充说明”。")


class NotSigned(Conflict):
    """A supplement or a record was asked for before sign-off."""

    def __init__(self) -> None:
        super().__init__("这次走访还没有签发。请先核对内容并签发。")


class Changed(Conflict):
    """Somebody saved the visit in between."""

    def __init__(self) -> None:
        super().__init__("这次走访刚被改过。您填的内容还在，请对照最新内容后再保存。")


class Differs(Changed):
    """The same message was accepted before with other contents: an answer was lost, or the visit was changed since."""

    def __init__(self) -> None:
        Conflict.__init__(self, "服务器上已经有这次走访，内容和这一份不一样。请对照后选用哪一份。")


class UuidTaken(Conflict):
    """A client's UUID names something of somebody else."""

    def __init__(self) -> None:
        super().__init__("这条走访的编号已被占用，没有保存。请返回走访列表重新新建，草稿内容会保留。", field="uuid")
