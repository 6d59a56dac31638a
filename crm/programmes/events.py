"""The event an award hangs on, looked for in a firm's record: first entry, title, first crossing of a line, level reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from crm.criteria import quantity, wording
from crm.criteria.expressions import parse_value
from crm.criteria.terms import Figure

if TYPE_CHECKING:
    from crm.criteria.facts import Enterprise, Stay
    from crm.criteria.packs import Pack
    from crm.criteria.schema import Award


@dataclass(frozen=True, slots=True)
class Event:
    """met, pending, unmet or unknown; `doubt`: what the text leaves open about this very record."""

    state: str
    reason: str
    on: date | None = None
    doubt: str | None = None
    is_exact: bool = False


def event_of(pack: Pack, award: Award, firm: Enterprise, year: int, on: date) -> Event:
    """The award's event in `year`, as far as it is known on a day."""
    trigger = award.trigger
    assert trigger is not None  # the caller asks for awards with one only
    match trigger.kind:
        case "first_entry":
            return _entry(firm, year, on, waits=award.waits_for == "in_register_next_year")
        case "title":
            return _title(pack, firm, str(trigger.title), year, on)
        case "crossing":
            return _crossing(pack, award, firm, year, on)
        case _:
            return _level(pack, award, firm, year, on)


def _entry(firm: Enterprise, year: int, on: date, *, waits: bool) -> Event:
    if firm.register_ is None:
        return Event("unknown", "缺数据：在库名录（入库、退库日期）")
    stays = sorted((s for s in firm.register_ if s.entered_on <= on), key=lambda s: s.entered_on)
    if not stays:
        return Event("unmet", "没有入库记录")
    first = stays[0]
    if first.entry == "re_entry":
        return Event("unmet", "记录里最早的是重返，不是首次入库", first.entered_on)
    if first.entered_on.year != year:
        return Event("unmet", f"首次入库在 {first.entered_on.year} 年", first.entered_on)
    return _kept(stays, first, year, on) if waits else Event("met", f"{first.entered_on.isoformat()} 首次入库", first.entered_on)


def _kept(stays: list[Stay], first: Stay, year: int, on: date) -> Event:
    """Whether the firm is still in the register in the year after its first entry."""
    said, opens, closes = f"{first.entered_on.isoformat()} 首次入库", date(year + 1, 1, 1), date(year + 1, 12, 31)
    there = [s for s in stays if s.exited_on is None or s.exited_on > opens]
    left = max((s.exited_on for s in stays if s.exited_on is not None), default=None)
    gone = not any(s.exited_on is None or s.exited_on > on for s in stays)
    if on < opens:
        return Event("unmet", f"{said}，{left} 已退库", first.entered_on) if gone else Event("pending", f"{said}；{year + 1} 年仍在库才能兑现", first.entered_on)
    if not any(s.entered_on <= closes for s in there):
        return Event("unmet", f"{said}，{left} 退库，{year + 1} 年不在库", first.entered_on)
    if not any(s.exited_on is None or s.exited_on > min(on, closes) for s in there):
        return Event("met", said, first.entered_on, doubt=f"{left} 退库：次年“仍在库”看哪一天，文本没有写明")
    return Event("met", f"{said}，{year + 1} 年仍在库", first.entered_on)


def _title(pack: Pack, firm: Enterprise, title: str, year: int, on: date) -> Event:
    if firm.titles is None:
        return Event("unknown", f"缺数据：是否持有{pack.label(title)}")
    granted = sorted((g for g in firm.titles if g.title == title and g.granted_on <= on), key=lambda g: g.granted_on)
    if not granted:
        return Event("unmet", f"没有{pack.label(title)}的认定记录")
    first = granted[0]
    if first.kind == "review":
        return Event("unmet", f"只有{pack.label(title)}的复核记录，不是新认定", first.granted_on)
    if first.granted_on.year != year:
        return Event("unmet", f"{pack.label(title)}认定在 {first.granted_on.year} 年", first.granted_on)
    if first.revoked_on is not None and first.revoked_on <= on:
        return Event("unmet", f"{pack.label(title)} {first.revoked_on.isoformat()} 已撤销", first.granted_on)
    return Event("met", f"{first.granted_on.isoformat()} 新认定为{pack.label(title)}", first.granted_on)


def _crossing(pack: Pack, award: Award, firm: Enterprise, year: int, on: date) -> Event:
    measure, line, text = line_of(pack, award)
    label = pack.measures[measure].label
    if year >= on.year:
        return Event("unmet", f"{year} 年还没有过完，{label}看全年")
    figure = firm.year.get(str(year), {}).get(measure)
    if figure is None:
        return Event("unknown", f"缺数据：{year}年{label}")
    if figure < line:
        return Event("unmet", f"{year} 年{label} {wording.amount(quantity.parse(f'{figure}元').value, '元')}，未到 {text}")
    before = next((y for y, values in sorted(firm.year.items()) if int(y) < year and (v := values.get(measure)) is not None and v >= line), None)
    if before is not None:
        return Event("unmet", f"{before} 年已到过 {text}，{year} 年不是首次")
    return Event("met", f"{year} 年{label}首次到 {text}", date(year, 12, 31), is_exact=figure == line)


def _level(pack: Pack, award: Award, firm: Enterprise, year: int, on: date) -> Event:
    measure, line, text = line_of(pack, award)
    label = pack.measures[measure].label
    known = sorted((date.fromisoformat(day), v) for day, values in firm.at.items() if (v := values.get(measure)) is not None and date.fromisoformat(day) <= on)
    if not known:
        return Event("unknown", f"缺数据：{label}")
    first = next((day for day, value in known if value >= line), None)
    if first is None:
        return Event("unmet", f"{label}未到 {text}")
    if first.year != year:
        return Event("unmet", f"{label} {first.year} 年已到 {text}", first)
    return Event("met", f"{first.isoformat()} {label}首次到 {text}", first)


def line_of(pack: Pack, award: Award) -> tuple[str, int, str]:
    """(measure, line in the measure's stored unit, line in words)."""
    trigger = award.trigger
    assert trigger is not None
    given, figure = quantity.parse(trigger.line or 0), parse_value(str(trigger.measure), pack.names)
    scale = figure.scale if isinstance(figure, Figure) else 1
    return str(trigger.measure), int(given.value / scale), wording.amount(given.value, given.unit)
