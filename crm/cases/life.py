"""The life of a case, as one table: which step may be taken where, by whom, with what evidence, and where it leads.

Operations, the buttons of the page and the test that walks every step in every stage all read this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.security.access import Access

STAGES = {
    "received": "待受理", "accepted": "已受理", "dispatched": "交办中", "handling": "办理中", "review": "待审核", "deferred": "暂缓",
    "closed": "待回访", "followed": "已回访", "declined": "已退回", "joined": "已并入", "ended": "已终止",
}  # fmt: skip
OPEN = ("received", "accepted", "dispatched", "handling", "review", "deferred")
OVER = tuple(stage for stage in STAGES if stage not in OPEN)
WITH_UNIT = ("dispatched", "handling")

STAFF = ("officer", "manager", "administrator")
LEADS = ("manager", "administrator")
UNIT = ("department",)


@dataclass(frozen=True, slots=True)
class Step:
    """One way on. `to` None: the stage stays, or the step itself works it out. `needs`: what must be given.

    `event` is how it is stored; never renamed.
    """

    name: str
    label: str
    at: tuple[str, ...]
    to: str | None
    who: tuple[str, ...]
    needs: tuple[str, ...] = ()
    event: str = ""
    hint: str = ""


STEPS: dict[str, Step] = {step.name: step for step in (
    Step("accept", "受理", ("received",), "accepted", STAFF, (), "accepted"),
    Step("answer", "当场解答并办结", ("received", "accepted"), "closed", STAFF, ("note",), "answered", "写下答复内容。"),
    Step("decline", "退回", ("received", "accepted"), "declined", STAFF, ("note",), "declined", "不属涉企诉求的，写明理由并告知企业。"),
    Step("join", "并入重复诉求", ("received", "accepted", "dispatched", "handling"), "joined", STAFF, ("other",), "joined", "同一企业的同一件事，只办一件。"),
    Step("split", "拆开单独办", ("joined",), "accepted", LEADS, ("note",), "split"),
    Step("dispatch", "交办", ("received", "accepted"), "dispatched", STAFF, ("unit",), "assigned", "一家主办，可以有几家协办。"),
    Step("take", "签收", ("dispatched",), "handling", (*UNIT, *LEADS), (), "taken"),
    Step("object", "异议退回", ("dispatched",), "accepted", UNIT, ("note",), "objected", "不归本单位办的，写明理由和建议的单位。"),
    Step("transfer", "转办", ("dispatched", "handling", "review"), "dispatched", STAFF, ("unit", "note"), "assigned", "换一家主办，原单位不再看到。"),
    Step("progress", "写进展", tuple(STAGES), None, (*STAFF, *UNIT), ("note",), "noted"),
    Step("extend", "申请延期", WITH_UNIT, None, (*UNIT, *LEADS), ("days", "note"), "extension_asked", "一件诉求只能延期一次。"),
    Step("grant", "同意延期", WITH_UNIT, None, LEADS, (), "extended"),
    Step("refuse", "不同意延期", WITH_UNIT, None, LEADS, ("note",), "not_extended"),
    Step("feedback", "反馈办理结果", WITH_UNIT, None, (*UNIT, *LEADS), ("note",), "fed_back", "主办反馈后转审核；协办的反馈一并附上。"),
    Step("redo", "退回重办", ("review",), "handling", LEADS, ("note",), "sent_back"),
    Step("approve", "审核通过，办结", ("review",), "closed", LEADS, ("note",), "closed", "写明办理结果。办结不等于化解，办结后再问企业。"),
    Step("close", "办结", ("accepted", "dispatched", "handling"), "closed", STAFF, ("note",), "closed", "写明办理结果。办结不等于化解，办结后再问企业。"),
    Step("defer", "暂缓", ("accepted", "handling", "review"), "deferred", LEADS, ("note", "recheck_on"), "deferred", "写明政策依据，定期复查。"),
    Step("resume", "恢复办理", ("deferred",), None, STAFF, (), "resumed"),
    Step("follow", "回访", ("closed",), None, STAFF, ("resolved",), "resolved"),
    Step("reopen", "重新打开", ("closed", "followed", "declined", "ended"), None, STAFF, ("note",), "reopened", "写明为什么。"),
    Step("end", "终止", OPEN, "ended", LEADS, ("note",), "ended", "企业注销、撤回等，写明原因；记录保留。"),
    Step("urge", "催办", WITH_UNIT, None, STAFF, (), "urged"),
)}  # fmt: skip

EVENTS = {
    "opened": "登记", "accepted": "受理", "answered": "当场解答", "declined": "退回", "joined": "并入", "split": "拆开", "assigned": "交办", "taken": "签收",
    "objected": "异议", "noted": "进展", "extension_asked": "申请延期", "extended": "同意延期", "not_extended": "不同意延期", "fed_back": "反馈",
    "sent_back": "退回重办", "closed": "办结", "deferred": "暂缓", "resumed": "恢复", "resolved": "化解", "unresolved": "未化解", "dissatisfied": "不满意",
    "reopened": "重新打开", "ended": "终止", "urged": "催办", "supervised": "督办", "supplemented": "企业补充",
}  # fmt: skip
"""Stored kind of an event -> what people read."""


ANSWERS = ("answer", "decline", "progress", "approve", "close")
"""Steps whose word and files an officer may show the firm on its own page (企业码)."""

ASIDE = ("progress", "urge", "extend", "transfer", "join", "decline", "defer", "end")
"""Steps off the straight way: offered after the others, in this order."""


def state_of(stage: str) -> str:
    """open or closed."""
    return "open" if stage in OPEN else "closed"


def steps_for(access: Access, stage: str, extension: dict[str, object] | None, *, is_lead: bool = True) -> list[Step]:
    """What the user may do with a case of that stage now. A co-unit takes nothing on for the lead."""
    open_ = [s for s in STEPS.values() if stage in s.at and access.has(*s.who) and possible(s, extension, is_lead=is_lead or not access.is_department)]
    if stage == "review":  # the review itself comes first
        open_.sort(key=lambda s: s.name != "approve")
    return sorted(open_, key=lambda s: ASIDE.index(s.name) if s.name in ASIDE else -1)


def possible(step: Step, extension: dict[str, object] | None, *, is_lead: bool = True) -> bool:
    """What the table cannot say: extensions come once and are asked before they are granted; some steps are the lead unit's."""
    if step.name == "extend":
        return extension is None and is_lead
    if step.name in ("grant", "refuse"):
        return extension is not None and extension.get("granted") is None
    return is_lead or step.name not in ("take", "object")
