"""Rules without a forecast: at their edges, one day before and on the day, with what is missing left unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from crm.alerts.calendar import next_review, windows
from crm.alerts.watches import Asked, cases, figures, filings, returning, titles, visiting
from crm.cases.models import Case
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.visits.models import Visit
from tests.conftest import make_user

ON = date(2026, 10, 20)
AT = datetime(2026, 10, 20, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def pack(packs):
    return packs["taizhou"]


def levels(frame: pl.DataFrame) -> list[str]:
    return frame["level"].to_list() if frame.height else []


# titles


def title_levels(pack, on, valid_to=date(2026, 12, 8), said=(), title="srdi", granted=date(2023, 12, 8), subject="srdi"):
    found = titles.judged(pack, pack.alerts["title_expiring"], [(1, title, granted, valid_to)], said, on)
    return levels(found.filter(pl.col("subject") == subject))


@pytest.mark.parametrize(("days", "level"), [(181, []), (180, ["yellow"]), (91, ["yellow"]), (90, ["orange"]), (31, ["orange"]), (30, ["red"]), (0, ["red"]), (-60, ["red"]), (-61, [])])
def test_a_title_is_told_of_from_its_days_on_and_until_it_has_been_over_for_two_months(pack, days, level):
    assert title_levels(pack, date(2026, 12, 8) - timedelta(days=days)) == level


@pytest.mark.parametrize(("days", "level"), [(61, []), (60, ["yellow"]), (31, ["yellow"]), (30, ["red"])])
def test_a_title_of_one_year_is_told_of_later(pack, days, level):
    assert title_levels(pack, date(2026, 12, 8) - timedelta(days=days), title="tech_sme", subject="tech_sme", granted=date(2025, 12, 8)) == level


def test_a_newer_grant_ends_the_worry_about_the_older(pack):
    grants = [(1, "srdi", date(2020, 12, 8), date(2026, 10, 30)), (1, "srdi", date(2026, 9, 1), date(2029, 9, 1))]
    assert titles.judged(pack, pack.alerts["title_expiring"], grants, [], ON).is_empty()


@pytest.mark.parametrize(("day", "level"), [("2026-04-30", []), ("2026-05-01", ["yellow"]), ("2026-05-31", ["yellow"]), ("2026-06-01", ["orange"]), ("2026-07-30", ["orange"]), ("2026-07-31", [])])
def test_the_yearly_update_is_reminded_before_its_day_and_asked_about_after(pack, day, level):
    assert title_levels(pack, date.fromisoformat(day), date(2027, 12, 8), granted=date(2024, 12, 8), subject="srdi.update") == level


def test_a_recorded_update_is_no_news(pack):
    said = [(1, "title_updated.srdi", date(2026, 5, 20))]
    assert title_levels(pack, date(2026, 6, 1), date(2027, 12, 8), said, granted=date(2024, 12, 8), subject="srdi.update") == []


def test_two_recorded_misses_are_red_and_cite_the_province(pack):
    said = [(1, "title_not_updated.srdi", date(2025, 6, 1)), (1, "title_not_updated.srdi", date(2026, 6, 1))]
    found = titles.judged(pack, pack.alerts["title_expiring"], [(1, "srdi", date(2024, 12, 8), date(2027, 12, 8))], said, ON)
    assert (levels(found), pack.alerts["title_expiring"].levels[found["at"][0]].document) == (["red"], "zj-2026-108")


def test_years_without_a_record_are_counted_as_unknown_and_not_as_missed(pack):
    found = titles.judged(pack, pack.alerts["title_expiring"], [(1, "srdi", date(2023, 12, 8), date(2026, 12, 8))], [], date(2026, 5, 20))
    row = found.filter(pl.col("subject") == "srdi.update").to_dicts()[0]
    assert (row["misses"], row["unrecorded"]) == (0, 2)


# filings


def firm(**values):
    base = {"enterprise_id": 1, "in_register": True, "stopped": False, "ytd_month": 8, "ytd": 1, "last_year": 1, "ytd_prior": 1}
    kinds = {"enterprise_id": pl.Int64, "in_register": pl.Boolean, "stopped": pl.Boolean, "ytd_month": pl.Int64, "ytd": pl.Int64, "last_year": pl.Int64, "ytd_prior": pl.Int64}
    return pl.DataFrame([{**base, **values}], schema=kinds)


def filing_levels(pack, on, **values):
    return levels(filings.judged(pack, pack.alerts["filing_missing"], firm(**values), on))


@pytest.mark.parametrize(("day", "level"), [("2026-10-15", []), ("2026-10-16", ["yellow"]), ("2026-11-17", ["orange"]), ("2026-12-16", ["red"])])
def test_a_month_is_missed_from_the_day_after_its_deadline(pack, day, level):
    assert filing_levels(pack, date.fromisoformat(day)) == level


@pytest.mark.parametrize(("day", "level"), [("2026-02-20", []), ("2026-03-16", []), ("2026-03-17", ["yellow"])])
def test_january_is_never_missed(pack, day, level):
    """15 March 2026 is a Sunday, so February's figures are due on the 16th."""
    assert filing_levels(pack, date.fromisoformat(day), ytd_month=None, ytd=None) == level


@pytest.mark.parametrize(("change", "level"), [
    ({"in_register": False}, []), ({"in_register": None}, []), ({"stopped": True}, []), ({"ytd_month": 9}, []), ({"ytd_month": None, "ytd": None, "last_year": None, "ytd_prior": None}, ["grey"]),
])
def test_only_firms_that_must_file_are_asked_and_one_that_never_did_is_grey(pack, change, level):
    assert filing_levels(pack, date(2026, 10, 16), **change) == level


# figures


def suspects(**values):
    base = {"enterprise_id": 1, "measure": "revenue", "month": 9, "now": 90, "last_month": 80, "prior": None}
    return pl.DataFrame([{**base, **values}], schema=figures.SCHEMA)


@pytest.mark.parametrize(("change", "kind"), [
    ({}, None),
    ({"now": 90 * 10_000, "last_month": 80}, "unit"), ({"now": 90, "last_month": 80 * 10_000}, "unit"), ({"now": 90, "last_month": None, "prior": 88 * 10_000}, "unit"),
    ({"now": 1_999 * 80, "last_month": 80}, "jump"), ({"now": 2_000 * 80}, "unit"), ({"now": 50_000 * 80}, "unit"), ({"now": 50_001 * 80}, "jump"),
    ({"now": 10, "last_month": 80}, "swapped"), ({"now": 4, "last_month": 80}, "swapped"), ({"now": 3, "last_month": 80}, "falling"), ({"now": 79, "last_month": 80}, "falling"),
    ({"now": 25, "last_month": 80}, "swapped"), ({"now": 26, "last_month": 80}, "falling"),
    ({"now": 200, "last_month": 80, "prior": 100}, None), ({"now": 200, "last_month": 80, "prior": 99}, "jump"), ({"now": 130, "last_month": 80}, None), ({"now": 131, "last_month": 80}, "jump"), ({"now": 0, "last_month": 0}, None), ({"month": 2, "now": 5, "last_month": 9}, None),
])
def test_a_figure_is_suspected_of_one_thing_at_most(pack, change, kind):
    found = figures.judged(pack.alerts["figure_suspicious"], suspects(**change), ON)
    assert [name for name in ("unit", "swapped", "falling", "jump") if found.height and found[name][0]] == ([kind] if kind else [])


# coming back


def back(pack, on=ON, left=date(2024, 3, 1), **values):
    base = {"enterprise_id": 1, "in_register": False, "stopped": False, "line": 20_000_000, "projected": 20_000_000, "last_year": 15_000_000}
    firms = pl.DataFrame([{**base, **values}], schema_overrides={"last_year": pl.Int64, "projected": pl.Int64})
    return levels(returning.judged(pack, pack.alerts["re_entry_window"], firms, pl.DataFrame({"enterprise_id": [1], "left_on": [left]}), on))


@pytest.mark.parametrize(("change", "level"), [
    ({}, ["orange"]), ({"projected": 19_999_999}, []), ({"projected": None}, []), ({"last_year": 20_000_000, "projected": None}, ["orange"]),
    ({"in_register": True}, []), ({"stopped": True}, []), ({"left": date(2023, 10, 20)}, ["orange"]), ({"left": date(2023, 10, 19)}, []),
    ({"on": date(2026, 3, 2)}, ["yellow"]),
])
def test_a_firm_that_left_within_three_years_and_is_back_at_the_line_is_told_of(pack, change, level):
    assert back(pack, **change) == level


# the calendar


@pytest.mark.parametrize(("day", "batch", "closes"), [("2026-10-20", 1, "2026-11-20"), ("2026-11-20", 1, "2026-11-20"), ("2026-11-21", 2, "2027-01-05"), ("2027-01-05", 2, "2027-01-05"), ("2027-01-06", 1, "2027-11-22")])
def test_the_review_window_that_closes_next_falls_on_a_work_day_and_is_provisional(pack, day, batch, closes):
    found = next_review(pack, date.fromisoformat(day))
    assert (found.batch, found.closes.isoformat(), found.is_provisional) == (batch, closes, True)


def test_a_window_says_that_its_days_are_a_default_and_not_policy(pack):
    assert [(w.rule.basis, "系统默认，非政策" in w.rule.note) for w in windows(pack, 2026)] == [("default", True)] * 2


# from the database


@pytest.fixture
def place(session, app):
    from tests.world import make_regions

    make_regions(session)
    made = Enterprise(uscc="91331081MA2AAAAA1X", name="砚江", name_key="砚江", region_code="331081", created_at=AT, updated_at=AT, officer_id=make_user(session, "officer", ("331081",)).id)
    session.add(made)
    session.flush()
    return made


def asked(session, pack, enterprise_id, on=ON, only=None, **values):
    base = {"enterprise_id": enterprise_id, "in_register": True, "stopped": False, "status": "active", "tier": "above_size", "in_pool": False, "exit_level": "green"}
    return Asked(session, pack, on, pl.DataFrame([base | values]), only)


@pytest.mark.parametrize(("days", "values", "level"), [
    (None, {}, ["yellow"]), (179, {}, []), (180, {}, ["yellow"]), (29, {"exit_level": "red"}, []), (30, {"exit_level": "red"}, ["orange"]), (31, {"exit_level": "orange"}, ["orange"]),
    (89, {"tier": "strong"}, []), (90, {"tier": "strong"}, ["yellow"]), (None, {"exit_level": "red", "stopped": True}, []), (None, {"status": "cancelled"}, []), (None, {"in_register": False}, []),
])
def test_a_firm_nobody_visits_is_told_of_by_where_it_stands(session, pack, place, days, values, level):
    if days is not None:
        session.add(Visit(uuid="v", enterprise_id=place.id, kind="onsite", started_at=AT - timedelta(days=days), author_id=place.officer_id, created_at=AT, policies=[], fields={}))
        session.flush()
    assert levels(visiting.find(asked(session, pack, place.id, **values), pack.alerts["visit_overdue"])) == level


@pytest.mark.parametrize(("due", "on", "urgency", "level"), [
    ("2026-09-30", "2026-10-07", "normal", []), ("2026-09-30", "2026-10-08", "normal", ["yellow"]), ("2026-09-30", "2026-10-14", "normal", ["orange"]),
    ("2026-09-30", "2026-10-22", "normal", ["red"]), ("2026-10-19", "2026-10-20", "urgent", ["orange"]), ("2026-10-20", "2026-10-20", "urgent", []),
])
def test_a_case_is_late_by_work_days_and_the_holiday_does_not_count(session, pack, place, due, on, urgency, level):
    """1 to 7 October 2026 is the holiday; Saturday the 10th is a make-up day."""
    session.add(Case(uuid="c", enterprise_id=place.id, title="贷款", urgency=urgency, due_on=date.fromisoformat(due), opened_at=AT, opened_by=None))
    session.flush()
    assert levels(cases.find(asked(session, pack, place.id, date.fromisoformat(on)), pack.alerts["case_overdue"])) == level


@pytest.mark.parametrize("few", [True, False])
def test_a_swapped_month_is_found_among_the_filings(session, pack, place, few):
    for month, value in ((7, 70_000), (8, 80_000), (9, 10_500)):
        session.add(Filing(enterprise_id=place.id, period_kind="month", period=f"2026-{month:02d}", form="ytd", source="firm", recorded_at=AT, revenue=value))
    session.flush()
    found = figures.looked(asked(session, pack, place.id, only=[place.id] if few else None), pack.alerts["figure_suspicious"]).found
    assert found.select("subject", "text").rows() == [("2026-09.revenue", "当月数可能填成了累计数")]


def test_figures_of_two_sources_are_not_held_against_each_other(session, pack, place):
    for month, value, source in ((8, 80_000, "tax"), (9, 10_500, "firm")):
        session.add(Filing(enterprise_id=place.id, period_kind="month", period=f"2026-{month:02d}", form="ytd", source=source, recorded_at=AT, revenue=value))
    session.flush()
    assert figures.looked(asked(session, pack, place.id), pack.alerts["figure_suspicious"]).found.is_empty()


def test_a_firm_under_suspicion_is_looked_at_for_the_whole_year_at_once(session, pack, place):
    """Else the second night would raise what the first one passed over."""
    for month, value in ((2, 20_000), (3, 15_000), (8, 80_000), (9, 10_500)):
        session.add(Filing(enterprise_id=place.id, period_kind="month", period=f"2026-{month:02d}", form="ytd", source="firm", recorded_at=AT, revenue=value))
    session.flush()
    found = figures.looked(asked(session, pack, place.id), pack.alerts["figure_suspicious"]).found
    assert sorted(found["subject"].to_list()) == ["2026-03.revenue", "2026-09.revenue"]


def test_an_evening_asked_twice_raises_nothing_new(city, packs):
    """The demo city's night again: every rule finds what it found, no event is written."""
    from sqlalchemy import func, select

    from crm.alerts.models import AlertEvent
    from crm.jobs.chain import Chain
    from tests.city import AT as THEN
    from tests.city import ON as DAY

    before = city.scalar(select(func.count()).select_from(AlertEvent))
    chain = Chain(city, packs, DAY, THEN)
    chain.evaluate()
    done = chain.alerts()
    assert ({name: done[name] for name in ("raised", "worsened", "eased", "reopened", "resolved", "expired", "told")}, city.scalar(select(func.count()).select_from(AlertEvent))) == (
        dict.fromkeys(("raised", "worsened", "eased", "reopened", "resolved", "expired", "told"), 0), before,
    )
