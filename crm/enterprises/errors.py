"""What can go wrong with a firm's record, in the user's words."""

from __future__ import annotations

from crm.core.errors import Conflict


class AlreadyRegistered(Conflict):
    """A live firm has this USCC."""

    def __init__(self, uscc: str, enterprise_id: int) -> None:
        super().__init__(f"统一社会信用代码 {uscc} 的企业已经在库，不能重复登记；请打开已有企业修改。", enterprise_id=enterprise_id)


class Stale(Conflict):
    """Somebody saved the record since the page was opened."""

    def __init__(self, mine: int, current: int) -> None:
        super().__init__("这家企业刚被别人修改过，您的修改没有保存；请刷新后对照最新内容再改。", mine=mine, current=current)
