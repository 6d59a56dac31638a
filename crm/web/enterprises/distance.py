"""How far a firm is from one title: what is short, when each can turn, what to ask for; and what would follow from other figures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flask import request
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import today
from crm.criteria import quantity, wording
from crm.criteria.expressions import parse_value
from crm.criteria.profile import ProfileView, leaves, profile
from crm.criteria.prospects import Distance, distance
from crm.criteria.terms import Figure as Term
from crm.criteria.views import STATE_LABELS
from crm.ladder.trial import firm_trial
from crm.programmes.claims import STATES, claims
from crm.programmes.queries import record_of
from crm.reports.radar import NARROW, WIDE, Axis, radar
from crm.web.address import LARGEST
from crm.web.enterprises import criteria
from crm.web.enterprises.detail import explained, line_of, words_of
from crm.web.enterprises.filters import SIZES
from crm.web.packs import pack_for
from crm.web.page import STAFF, Page, db

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from crm.criteria.explain import Explanation, ItemView
    from crm.criteria.packs import Pack
    from crm.reports.radar import Radar

MOST = 8
"""Figures tried at once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An item one can look at: a title not held, a review of one held, the register test."""

    key: str
    label: str
    text: str
    state: str
    group: str  # near | far | met


class DistancePage(Page):
    """Distance of a firm to its titles."""

    route_base = "/enterprises"
    permits = {"read": STAFF}

    @expose("/<int:enterprise_id>/distance")
    @has_access
    @permission_name("read")
    def show_distance(self, enterprise_id: int) -> str:
        """One item in full, the nearest unless another is asked for; the others as a list."""
        line = line_of(enterprise_id)
        pack = pack_for(line.firm.region_code)
        explanation, is_stale = explained(line.firm.id, pack)
        views = _views(explanation) if explanation else []
        chosen = _chosen(views)
        far = distance(explanation.pack, chosen, explanation.pack.program(explanation.on)) if explanation and chosen else None
        sides = profile(explanation.pack, chosen, explanation.on) if explanation and chosen else None
        return self.show(
            "enterprises/distance.html", sides=sides, drawings=_drawings(sides), leaves=leaves, tab="distance", line=line, firm=line.firm, at=line.standing, pack=pack, explanation=explanation, is_stale=is_stale,
            choices=[_choice(view) for view in views], item=chosen, far=far, table=criteria.table(chosen) if chosen else None, asks=_asks(far), on=today(), people={},
            **words_of(line.firm),
        )


def _views(explanation: Explanation) -> list[ItemView]:
    """The register test and every title with a rule the firm could win or must keep, the nearest first."""
    return [table.item for table in criteria.tables(explanation)]


def _chosen(views: list[ItemView]) -> ItemView | None:
    asked = request.args.get("item", "")
    open_ = (view for view in views if view.state in {"unmet", "unknown"})
    return next((view for view in views if view.key == asked), None) or next(open_, None) or next(iter(views), None)


def _choice(view: ItemView) -> Choice:
    reach = view.reach
    group = "met" if view.state == "met" else "near" if max(reach.missing, reach.unknown) <= criteria.FAR else "far"
    label = f"{view.label}复核" if view.purpose == "review" and not view.label.endswith("复核") else view.label
    return Choice(view.key, label, view.text, view.state, group)


def _asks(far: Distance | None) -> tuple[str, ...]:
    return far.asks if far else ()


def _drawings(sides: ProfileView | None) -> tuple[Radar, Radar] | None:
    """The profile for a desk and for a phone; None when nothing is known of any dimension."""
    if sides is None:
        return None
    axes = [Axis(f"{side.mark} {side.text}", side.label, side.share, bool(side.total)) for side in sides.sides]
    wide, narrow = radar(axes, WIDE), radar(axes, NARROW)
    return (wide, narrow) if wide and narrow else None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure one can try: its fact column, what it is called, its unit, what it is now (as text)."""

    column: str
    label: str
    unit: str
    now: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A conclusion that turns: of a title, a level, a pool, an award."""

    kind: str
    label: str
    before: str
    after: str
    text: str


class TryPage(Page):
    """Other figures for one firm, and what would follow. Nothing is stored."""

    route_base = "/enterprises"
    permits = {"read": STAFF}

    @expose("/<int:enterprise_id>/try")
    @has_access
    @permission_name("read")
    def try_figures(self, enterprise_id: int) -> str:
        """`set=rd_expense.y-1:500万元`, repeated: verdicts, titles and awards as they would be."""
        line, on = line_of(enterprise_id), today()
        pack = pack_for(line.firm.region_code)
        cells = firm_trial(db(), pack, line.firm.id, {}, on)[0].cells
        offered = _figures(pack, on, cells)
        asked, error = _asked(offered)
        turns: list[Turn] = []
        if asked:
            before, after = firm_trial(db(), pack, line.firm.id, {name: value for name, (_, value) in asked.items()}, on)
            turns = [*_turns(before, after), *_award_turns(pack, line.firm.id, {name: value for name, (_, value) in asked.items()}, on)]
        return self.show(
            "enterprises/try.html", tab="distance", line=line, firm=line.firm, at=line.standing, pack=pack, figures=offered, asked=asked, error=error, turns=turns, on=on,
            states=STATE_LABELS | STATES, people={}, column=request.args.get("column", ""), value=request.args.get("value", ""), **words_of(line.firm),
        )


def _figures(pack: Pack, on: date, cells: Mapping[str, Any]) -> dict[str, Figure]:
    """Yearly and daily figures the rules of the day read."""
    found = {}
    for column in sorted(pack.program(on).columns, key=lambda c: (c.kind != "year", -c.offset, c.key)):
        if column.kind in {"year", "at"} and column.key in pack.measures:
            figure = parse_value(column.key, pack.names)
            unit, scale = (figure.unit, figure.scale) if isinstance(figure, Term) else ("", 1)
            value = cells.get(column.name)
            now_ = wording.amount(Fraction(int(value)) * scale, unit) if value is not None else "缺数据"
            found[column.name] = Figure(column.name, wording.question(column, pack, on), unit, now_)
    return found


def _asked(offered: Mapping[str, Figure]) -> tuple[dict[str, tuple[str, int]], str]:
    """Figures of the address: column -> (text, stored value); and what is wrong with the first that cannot be read."""
    found: dict[str, tuple[str, int]] = {}
    given = [part.partition(":")[::2] for part in request.args.getlist("set")[:MOST]]
    if request.args.get("column") and request.args.get("value"):
        given.append((request.args["column"], request.args["value"]))
    for name, text in given:
        if name not in offered:
            continue
        try:
            found[name] = (text.strip(), _stored(offered[name], text))
        except ValueError as error:
            return found, f"{offered[name].label}：{error}"
    return found, ""


def _stored(figure: Figure, text: str) -> int:
    """'500万元' -> 5000000; a bare number is taken in the figure's own unit."""
    given = quantity.parse(text.strip()[:40].replace("\x00", ""))
    if given.unit not in {"", figure.unit}:
        raise ValueError(f"单位是{figure.unit or '个数'}，给的是{given.unit}")
    scaled = given.value / _scale(figure.unit)
    if scaled.denominator != 1 or not -LARGEST <= scaled <= LARGEST:
        raise ValueError("这个数放不下，请核对单位")
    return int(scaled)


def _scale(unit: str) -> Fraction:
    """A stored figure times this is the figure in its unit: 分×100, 级×10 and bp are kept as whole numbers."""
    return {"分": Fraction(1, 100), "级": Fraction(1, 10), "%": Fraction(1, 10_000)}.get(unit, Fraction(1))


def _turns(before: Explanation, after: Explanation) -> list[Turn]:
    """Conclusions that differ, titles first; the place by the rules where it changes."""
    made = [Turn("梯度位置", "按规则所在位置", before.pack.label(before.tier), after.pack.label(after.tier), "")] if before.tier != after.tier else []
    if before.size_class != after.size_class:
        made.append(Turn("划型", "企业规模", SIZES.get(before.size_class or "", "不明"), SIZES.get(after.size_class or "", "不明"), ""))
    for key, was in before.items.items():
        now_ = after.items[key]
        if was.state != now_.state and not key.startswith("place."):
            made.append(Turn("称号" if was.title else "条件", now_.label, STATE_LABELS[was.state], STATE_LABELS[now_.state], now_.text))
        elif was.title is not None and was.text != now_.text and not was.held:
            made.append(Turn("差距", now_.label, was.text, now_.text, ""))
    return made


def _award_turns(pack: Pack, enterprise_id: int, figures: Mapping[str, int], on: date) -> list[Turn]:
    record = record_of(db(), pack, [enterprise_id])[enterprise_id]
    before = {c.award.id: c for c in claims(pack, record, on)}
    for column in pack.program(on).columns:
        if column.name in figures:
            into = record.year.setdefault(str(on.year + column.offset), {}) if column.kind == "year" else record.at.setdefault(on.isoformat(), {})
            into[column.key] = figures[column.name]
    after = {c.award.id: c for c in claims(pack, record, on)}
    return [Turn("奖补", c.award.label, STATES[before[name].state], STATES[c.state], c.reason) for name, c in after.items() if c.state != before[name].state]


views = [DistancePage, TryPage]
