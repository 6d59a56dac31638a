"""Laws of the language, tried on figures hypothesis makes up: what must hold whatever a firm's figures are."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.criteria.expressions import Names, parse_condition
from crm.criteria.reach import Reach
from crm.criteria.terms import Choice, DayFrom, Figure, Met, Surely, columns, walk
from crm.criteria.values import Firm
from tests.city import shipped

if TYPE_CHECKING:
    from crm.criteria.program import Program, Scored
    from crm.criteria.terms import Condition

ON = date(2026, 6, 1)
NAMES = Names(measures={"revenue": ("元", ("year",)), "rd": ("元", ("year",))})
figure = st.one_of(st.none(), st.integers(-(10**9), 10**9))
years = st.fixed_dictionaries({f"revenue.y-{i}": figure for i in (1, 2, 3)} | {"revenue.before-1": figure})


def says(text: str, cells: dict[str, int | None], on: date = ON, **more: object) -> bool | None:
    return Firm(on, {**cells, **more}, {}, {}, None).condition(parse_condition(text, NAMES))  # type: ignore[arg-type]


@settings(max_examples=60)
@given(cells=years)
def test_what_holds_in_each_year_holds_in_some_year(cells):
    assert not (says("each(3, revenue) >= 1元", cells) is True and says("some(3, revenue) >= 1元", cells) is not True)


@settings(max_examples=60)
@given(cells=years)
def test_a_mean_reaches_a_line_just_when_the_sum_reaches_it_times_the_years(cells):
    assert says("mean(2, revenue) >= 500元", cells) is says("sum(2, revenue) >= 1000元", cells)


@settings(max_examples=60)
@given(cells=years)
def test_compound_growth_over_one_year_is_growth_on_last_year(cells):
    assert says("cagr(1, revenue) >= 5%", cells) is says("yoy(revenue) >= 5%", cells)


@settings(max_examples=60)
@given(cells=years)
def test_growth_on_a_base_that_is_not_positive_is_never_told(cells):
    if (base := cells["revenue.y-3"]) is not None and base <= 0:
        assert says("cagr(2, revenue) >= 5%", cells) is None


@settings(max_examples=60)
@given(cells=years, line=st.integers(1, 10**9))
def test_a_line_reached_in_any_earlier_year_is_not_crossed_for_the_first_time(cells, line):
    if (before := cells["revenue.before-1"]) is not None and before >= line:
        assert says(f"first_crossing(revenue, {line}元)", cells) is False


@settings(max_examples=60)
@given(day=st.dates(date(2024, 1, 1), date(2026, 6, 1)))
def test_a_firm_opened_in_the_last_quarter_of_last_year_or_later_just_from_the_first_of_october(day):
    assert says("registered_since(10, -1)", {}, registered_on=day) is (day >= date(2025, 10, 1))


@cache
def rules() -> Program:
    """The national rules of a day, with every kind of score."""
    return shipped("cn")["cn"].program(ON)


def _drawn(names, data):
    return {name: data.draw(st.one_of(st.none(), st.sampled_from([0, 1, 3, 10, 50, 10**4, 10**6, 10**8]))) for name in names}


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_score_that_becomes_known_lies_within_the_interval_it_had(data):
    program = rules()
    scale = data.draw(st.sampled_from([s for s in program.scales if s.whole]))
    scored = data.draw(st.sampled_from([item for item in scale.items if all(_plain(term) for term in _lines(item))]))
    lines = _lines(scored)
    cells = _drawn(sorted({c.name for term in lines for c in columns(term) if c.kind in {"year", "at"}}), data)
    known = {name: 7 if value is None else value for name, value in cells.items()}
    wide, narrow = (Firm(ON, c, {}, {}, None).points(scored) for c in (cells, known))
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_knowing_more_never_turns_a_known_verdict_around(data):
    program = rules()
    leaf = data.draw(st.sampled_from([c for c in program.criteria if _plain(c.term)]))
    cells = _drawn(sorted({c.name for c in columns(leaf.term)}), data)
    known = {name: 7 if value is None else value for name, value in cells.items()}
    before, after = (Firm(ON, c, {}, {}, None).condition(leaf.term) for c in (cells, known))
    assert before is None or before is after or any(v is not None and v <= 0 for v in cells.values())


def _lines(scored: Scored) -> list[Condition]:
    return [line.term for part in (scored, *scored.of) for line in part.lines if line.term is not None]


def _plain(term) -> bool:
    """Figures of years and days only; what falls back to another figure, or counts unknown as no, may turn."""
    parts = list(walk(term))
    if any(isinstance(p, Met | Surely | DayFrom) or (isinstance(p, Choice) and p.how == "coalesce") for p in parts):
        return False
    return all(p.form != "either" for p in parts if isinstance(p, Figure)) and all(c.kind in {"year", "at"} for c in columns(term)) and any(isinstance(p, Figure) for p in parts)


@settings(max_examples=60)
@given(st.lists(st.builds(Reach, st.integers(0, 5), st.integers(0, 5), st.none(), st.integers(0, 1000)), min_size=1, max_size=5))
def test_the_best_of_alternatives_lacks_no_more_criteria_than_any_of_them(kids):
    assert min(kids, key=lambda r: r.key).missing == min(r.missing for r in kids)
