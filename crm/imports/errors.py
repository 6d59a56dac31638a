"""Why a file cannot be imported as a whole, in the user's words: what is wrong and what to do."""

from __future__ import annotations

from crm.core.errors import Conflict, Invalid


class UnreadableFile(Invalid):
    """No table in it, or not a format we read."""


class NoEnterpriseColumn(Invalid):
    """A table, but nothing says which firm a row is about."""

    def __init__(self, heads: list[str]) -> None:
        shown = "、".join(heads[:8]) or "无"
        super().__init__(
            f"文件里没有企业列：找不到统一社会信用代码、企业名称或证券代码。读到的列：{shown}。请补上企业列，或确认这是不是按企业填报的表。",
            field="file",
            heads=heads,
        )


class MissingColumn(Invalid):
    """The mapping lacks what this kind of import cannot do without."""


class NotReady(Conflict):
    """The batch is in a state that does not allow this step."""


class ChangedSince(Conflict):
    """What the person was shown is no longer so."""
