"""Shapes of a visit on the way in, and of the ladder status that its record prints."""

from __future__ import annotations

import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from crm.core.errors import Invalid
from crm.visits.models import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = {
    "place": 200, "summary": 4000, "suggestions": 2000, "next_step": 300, "name": 64, "unit": 128, "title": 64,
    "problem": 200, "detail": 1000,
}  # fmt: skip
LABELS = {
    "place": "走访地点", "summary": "记录", "suggestions": "意见建议", "next_step": "下一步", "name": "姓名", "unit": "单位",
    "title": "职务", "problem": "问题", "detail": "问题说明",
}  # fmt: skip
MAX_PEOPLE, MAX_PROBLEMS, MAX_FIELDS = 20, 20, 30
EARLY = timedelta(minutes=10)  # a phone's clock may run fast
TOLD = {"sales": "本年销售额", "tax": "本年纳税额", "sales_next": "明年预计销售额"}
"""Figures a firm tells, in 元: key -> label."""
TOLD_LIMIT = 10**13


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody present; `side` us or firm."""

    side: str
    name: str
    unit: str | None = None
    title: str | None = None

    def __post_init__(self) -> None:
        if self.side not in ("us", "firm"):
            raise Invalid("参加人员要注明是走访方还是企业方。", field="people")
        for name in ("name", "unit", "title"):
            _short(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the firm asks for; becomes a case. `uuid` comes from the client."""

    uuid: str
    title: str
    kind: str = "other"
    urgency: str = "normal"
    detail: str | None = None
    lead_unit: str | None = None
    due_on: date | None = None

    def __post_init__(self) -> None:
        _uuid(self.uuid)
        if not self.title.strip():
            raise Invalid("请写明问题是什么，或删掉这一条。", field="problems")
        for name, value in (("problem", self.title), ("detail", self.detail), ("unit", self.lead_unit)):
            _short(name, value)


@dataclass(frozen=True, slots=True)
class VisitDraft:
    """A visit as sent by a client. Only firm and kind are required; instants are aware, `told` in 元."""

    uuid: str
    enterprise_id: int
    kind: str
    started_at: datetime
    ended_at: datetime | None = None
    place: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None
    summary: str | None = None
    suggestions: str | None = None
    policies: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    next_step: str | None = None
    next_on: date | None = None
    people: tuple[Person, ...] = ()
    problems: tuple[Problem, ...] = ()
    told: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _uuid(self.uuid)
        if self.kind not in KINDS:
            raise Invalid("请选择走访方式。", field="kind")
        for name in ("place", "summary", "suggestions", "next_step"):
            _short(name, getattr(self, name))
        if self.ended_at is not None and self.ended_at < self.started_at:
            raise Invalid("结束时间早于开始时间，请改正。", field="ended_at")
        if self.next_on is not None and self.next_on < self.started_at.astimezone(UTC).date():
            raise Invalid("下一步的日期早于走访日期，请改正。", field="next_on")
        for rows, most, what in (
            (self.people, MAX_PEOPLE, "参加人员"), (self.problems, MAX_PROBLEMS, "问题"),
            (self.fields, MAX_FIELDS, "填报项"), (self.policies, MAX_FIELDS, "政策"),
        ):  # fmt: skip
            if len(rows) > most:
                raise Invalid(f"{what}最多 {most} 项，请合并后再保存。")
        self._check_position()
        self._check_told()

    def _check_position(self) -> None:
        bounds = ((self.latitude, 90.0), (self.longitude, 180.0), (self.accuracy_m, 1e7))
        if any(value is not None and not abs(value) <= most for value, most in bounds):
            raise Invalid("定位数据不对，请去掉位置后再保存。", field="latitude")

    def _check_told(self) -> None:
        for key, yuan in self.told.items():
            if key not in TOLD or isinstance(yuan, bool) or not isinstance(yuan, int) or abs(yuan) > TOLD_LIMIT:
                raise Invalid(f"“{TOLD.get(key, key)}”填得不对：请填数字，单位万元。", field=key)


@dataclass(frozen=True, slots=True)
class CriterionLine:
    """One criterion as people read it. `state` is met | unmet | unknown | not_in_force; `gap` empty when met."""

    label: str
    state: str
    required: str
    actual: str
    gap: str = ""
    clause: str = ""


@dataclass(frozen=True, slots=True)
class LadderTest:
    """A register or title test with its criteria; `draft` when the policy is not in force yet."""

    name: str
    criteria: tuple[CriterionLine, ...]
    source: str = ""
    draft: bool = False


@dataclass(frozen=True, slots=True)
class LadderStatus:
    """Where the firm stood at sign-off. `place` is the label (规上), `pack_hash` the rules used."""

    place: str
    as_of: date
    tests: tuple[LadderTest, ...] = ()
    pack_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What the pack or the settings print above a record; `fields` are the pack's form fields: id -> (label, unit).

    `layout` is how the record departs from the standard one (title, notice, copies, parts, headings, facts, signatures).
    """

    unit: str
    series: str
    notice: str = "内部资料　注意保管"
    fields: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    verify_base: str = ""
    layout: Mapping[str, Any] = field(default_factory=dict)


def tidy(text: str | None) -> str | None:
    """Text as kept: composed, no control characters but line breaks, None when nothing is left."""
    composed = unicodedata.normalize("NFC", (text or "").replace("\r\n", "\n").replace("\t", " "))
    return "".join(c for c in composed if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs")).strip() or None


def _short(name: str, value: str | None) -> None:
    if value is not None and len(value) > LONGEST[name]:
        raise Invalid(f"{LABELS[name]}有 {len(value)} 字，最多 {LONGEST[name]} 字，请缩短。", field=name)


def _uuid(text: str) -> None:
    try:
        canonical = str(uuid.UUID(text))
    except ValueError:
        canonical = ""
    if canonical != text:
        raise Invalid("提交的编号不对，请刷新页面后再保存，草稿会保留。", field="uuid")
