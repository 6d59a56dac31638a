"""What the template prints: a frozen record turned into Chinese display strings, capped and cleaned.

A record written by today's code stays within the caps; they exist so that a hostile or damaged one cannot keep the
layout engine busy (a 200,000-character paragraph takes it nine seconds).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from crm.core.clock import local
from crm.core.errors import CrmError
from crm.core.money import human
from crm.reports.parts import COPIES, FACTS, HEADINGS, PARTS, SIGNATURES, TITLE, fill
from crm.reports.sections import Criterion, Firm, Ladder, Person, Problem, RecordView, Signature, Test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS = {"onsite": "实地", "meeting": "座谈", "phone": "电话", "online": "线上"}
SIDES = {"us": "走访方", "firm": "企业方"}
MARKS = {"met": "√", "unmet": "×", "unknown": "缺数据", "not_in_force": "暂无标准"}
ORDER = {"unmet": 0, "unknown": 1, "met": 2, "not_in_force": 3}
MAX_CHARACTERS = 40_000
_ROW = 20  # a row of a table, or a line, costs as much layout as some words
MAX_PEOPLE, MAX_PROBLEMS, MAX_TESTS, MAX_CRITERIA, MAX_PHOTOS, MAX_FIELDS = 30, 30, 6, 60, 12, 30
UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}


class RecordTooLarge(CrmError):
    """More than a record may hold."""

    status = 422


def view_of(record: dict[str, Any], pictures: frozenset[str]) -> RecordView:
    """Turn a frozen record into strings; only photos and signatures whose bytes came along are shown."""
    weight = weigh_or_refuse(record)
    record = clean(record)
    visit, firm = record["visit"], record["enterprise"]
    started = local(datetime.fromisoformat(visit["started_at"]))
    photos = [p for p in record.get("photos", []) if p["id"] in pictures][:MAX_PHOTOS]
    unit, layout = record["unit"], record.get("layout") or {}
    blanks = {"unit": unit, "firm": firm["name"], "number": record["number"], "day": chinese_day(started.date())}
    view = RecordView(
        title=layout.get("title") or TITLE, parts=(), headings={**HEADINGS, **{k: fill(v, blanks) for k, v in (layout.get("headings") or {}).items()}},
        number=record["number"], unit=unit, unit_size=unit_size(unit), notice=record.get("notice") or "",
        check_code=record["check_code"], digest=record["digest"], verify_url=record["verify_url"],
        signed_iso=record["signed_at"], day=chinese_day(started.date()), hours=_hours(started, visit.get("ended_at")),
        place=visit.get("place") or "未记录", kinds=tuple((label, key == visit["kind"]) for key, label in KINDS.items()),
        firm=Firm(firm["name"]), facts=firm_facts(firm, layout.get("facts") or FACTS),
        people=tuple(_person(p) for p in record.get("people", [])[:MAX_PEOPLE]),
        summary=_paragraphs(visit.get("summary")), fields=_fields(record),
        problems=tuple(_problem(p) for p in record.get("problems", [])[:MAX_PROBLEMS]),
        suggestions=_paragraphs(visit.get("suggestions")), ladder=_ladder(record.get("ladder")),
        policies=_policies(record.get("policies", [])), next_step=_next_step(visit),
        photos=tuple(p.get("caption") or "现场照片" for p in photos), photo_ids=tuple(p["id"] for p in photos),
        signatures=_signatures(record, pictures, layout.get("signatures") or SIGNATURES, blanks), author=record.get("author") or "",
        copies=record.get("note") or fill(layout.get("copies") or COPIES, blanks), weight=weight,
    )  # fmt: skip
    return replace(view, parts=tuple(part for part in layout.get("parts") or PARTS if _holds(view, part)))


def _holds(view: RecordView, part: str) -> bool:
    """Whether there is anything to print under the heading."""
    filled = {"overview": True, "firm": True, "summary": view.summary or view.fields, "policies": view.policies or view.next_step}
    return bool(filled[part] if part in filled else getattr(view, part))


def weigh_or_refuse(data: dict[str, Any]) -> int:
    """Characters in all, a line counting as one more; more than a paper may hold raises RecordTooLarge."""
    weight = _weigh(data)
    if weight > MAX_CHARACTERS:
        raise RecordTooLarge(f"内容折合 {weight:,} 字（每行、每项另计 {_ROW} 字），超过 {MAX_CHARACTERS:,} 字的上限。请缩短文字，删去空行或减少条目。")
    return weight


def shown(items: Sequence[Any], most: int) -> tuple[list[Any], int]:
    """What is printed of a list, and how many more there are: the paper says so."""
    return list(items[:most]), max(0, len(items) - most)


def chinese_day(day: date) -> str:
    """2026年3月18日."""
    return f"{day.year}年{day.month}月{day.day}日"


def _hours(started: datetime, ended: str | None) -> str:
    text = f"{started.hour}:{started.minute:02}"
    if ended:
        end = local(datetime.fromisoformat(ended))
        text += f"—{end.hour}:{end.minute:02}"
    return text


def unit_size(unit: str) -> str:
    """26 pt holds 15 characters of the line, 21 pt 20."""
    return "" if len(unit) <= 15 else " long" if len(unit) <= 20 else " longer"


def firm_facts(firm: dict[str, Any], wanted: Sequence[str]) -> tuple[tuple[tuple[str, str, bool], ...], ...]:
    """Rows of one or two cells in the wanted order; a long text has a row of its own. Missing is '无', never 0."""
    year = firm.get("figures_year")
    of = f"（{year}年）" if year else ""
    cells = {
        "uscc": ("统一社会\n信用代码", firm.get("uscc"), True), "legal_person": ("法定代表人", firm.get("legal_person"), False),
        "industry": ("行业类别", firm.get("industry"), False), "size": ("企业规模", firm.get("size"), False),
        "registered_on": ("成立时间", _day_or_none(firm.get("registered_on")), True), "capital": ("注册资本", _money(firm.get("capital")), True),
        "revenue": ("营业收入", _money(firm.get("revenue"), of), True), "tax": ("纳税总额", _money(firm.get("tax"), of), True),
        "employees": ("从业人数", _staff(firm), True), "rd_ratio": ("研发费用占比", firm.get("rd_ratio"), True),
        "region": ("所属地区", firm.get("region"), False), "contact": ("企业联系人", firm.get("contact"), False),
    }  # fmt: skip
    filled = [(label, value or "无", numeric) for label, value, numeric in (cells[name] for name in wanted if name in cells)]
    rows = [tuple(filled[i : i + 2]) for i in range(0, len(filled), 2)]
    alone = {"products": "主导产品", "address": "企业地址"}
    rows += [((label, firm[name], False),) for name, label in alone.items() if name in wanted and firm.get(name)]
    return tuple(rows)


def _staff(firm: dict[str, Any]) -> str | None:
    if firm.get("employees") is None:
        return None
    text = f"{firm['employees']:,} 人"
    return text if firm.get("rd_staff") is None else f"{text}（研发 {firm['rd_staff']:,} 人）"


def _money(yuan: int | None, of: str = "") -> str | None:
    return None if yuan is None else human(yuan) + of


def _day_or_none(day: str | None) -> str | None:
    return chinese_day(date.fromisoformat(day)) if day else None


def _person(person: dict[str, Any]) -> Person:
    return Person(SIDES.get(person["side"], ""), person["name"], person.get("unit") or "", person.get("title") or "")


def _problem(problem: dict[str, Any]) -> Problem:
    detail = problem.get("detail")
    text = problem["title"] if not detail or detail == problem["title"] else f"{problem['title']}：{detail}"
    return Problem(
        problem.get("kind") or "其他", problem.get("urgency") == "urgent", text,
        problem.get("lead_unit") or "待交办", problem.get("due_on") or "",
    )  # fmt: skip


def _fields(record: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The pack's form fields and the figures the firm told."""
    told = [(f"{t['label']}（企业口述）", human(t["yuan"])) for t in record.get("told", [])]
    return tuple([(f["label"], str(f["value"])) for f in record.get("fields", [])][:MAX_FIELDS] + told)


def _policies(policies: list[dict[str, Any]]) -> str:
    return "；".join(p["title"] + ("（草案）" if p.get("draft") else "") for p in policies[:MAX_FIELDS])


def _next_step(visit: dict[str, Any]) -> str:
    step, on = visit.get("next_step"), visit.get("next_on")
    day = f"{chinese_day(date.fromisoformat(on))}前" if on else ""
    return "：".join(part for part in (day, step or ("再次走访" if on else "")) if part)


def _ladder(ladder: dict[str, Any] | None) -> Ladder | None:
    if not ladder:
        return None
    tests = tuple(_test(t) for t in ladder.get("tests", [])[:MAX_TESTS])
    place = f"当前梯度位置：{ladder['place']}" if ladder.get("place") else ""
    return Ladder(place, chinese_day(date.fromisoformat(ladder["as_of"])), tests)


def _test(test: dict[str, Any]) -> Test:
    lines = sorted(test.get("criteria", [])[:MAX_CRITERIA], key=lambda c: ORDER.get(c["state"], 9))
    met = sum(c["state"] == "met" for c in lines)
    short = sum(c["state"] == "unmet" for c in lines)
    unknown = sum(c["state"] == "unknown" for c in lines)
    score = f"达到 {met} / {len(lines)} 项"
    score += f"，差 {short} 项" if short else ""
    score += f"，缺数据 {unknown} 项" if unknown else ""
    if "most" in test:  # of an abstract: what is short alone, the count still of all
        lines = [c for c in lines if c["state"] in ("unmet", "unknown")][: test["most"]]
    return Test(test["name"], bool(test.get("draft")), score, test.get("source") or "", tuple(_criterion(c) for c in lines))


def _criterion(line: dict[str, Any]) -> Criterion:
    state = line["state"]
    return Criterion(
        line["label"], clause if (clause := line.get("clause")) and clause != line["label"] else "", line.get("required") or "—", line.get("actual") or "无",
        MARKS.get(state, state), line.get("gap") or ("待补报" if state == "unknown" else "—"), state == "unmet",
    )  # fmt: skip


def _signatures(
    record: dict[str, Any], pictures: frozenset[str], boxes: Sequence[Mapping[str, str]], blanks: dict[str, str]
) -> tuple[Signature, ...]:
    given = {s["side"]: s for s in record.get("signatures", [])}
    blank = "　　　　年　　月　　日"
    cells = []
    for box in boxes:
        side = box["side"]
        signature = given.get(side)
        shown = signature is not None and signature["id"] in pictures
        day = chinese_day(date.fromisoformat(signature["on"])) if shown and signature.get("on") else blank
        cells.append(Signature(
            fill(box["says"], blanks), fill(box["who"], blanks), day, side == "firm", f"ink:{side}" if shown else "", signature["id"] if shown else ""
        ))  # fmt: skip
    return tuple(cells)


def _paragraphs(text: str | None) -> tuple[str, ...]:
    return tuple(p for line in (text or "").splitlines() if (p := line.strip()))


def _weigh(value: Any) -> int:
    if isinstance(value, str):
        return len(value) + _ROW * value.count("\n")
    if isinstance(value, dict):
        return sum(_weigh(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_ROW + _weigh(v) for v in value)
    return 0


def clean(value: Any) -> Any:
    """Composed characters, no control, bidirectional or private-use characters; line breaks stay."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value.replace("\t", " "))
        return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in UNPRINTABLE)
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    return value


def text_of(record: dict[str, Any]) -> str:
    """All text a record prints, cleaned: for checking characters against the faces before anything is frozen."""
    parts: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, dict):
            for v in value.values():
                collect(v)
        elif isinstance(value, list):
            for v in value:
                collect(v)

    collect(clean(record))
    return re.sub(r"\s+", "", "".join(parts))
