"""Sign-off: numbers without gaps, frozen contents, supplements."""

from __future__ import annotations

from datetime import UTC, date, datetime
from threading import Barrier, Thread

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.core.errors import CrmError, NotFound
from crm.enterprises.models import Enterprise
from crm.indicators.operations import file_figures
from crm.visits.errors import Changed, Frozen, NotSigned
from crm.visits.models import Visit
from crm.visits.operations import log_visit, sign_off, supplement
from crm.visits.operations.signing import digest_of, next_number, record_of
from crm.visits.queries import by_check_code
from crm.visits.schemas import CriterionLine, LadderStatus, LadderTest
from tests.visits.conftest import LETTERHEAD, NOW, World

LADDER = LadderStatus("规上", date(2026, 10, 20), (LadderTest("专精特新", (CriterionLine("研发占比", "unmet", "≥ 3 %", "2.76 %", "差 0.24 个百分点", "一（二）"),)),))


def signed(world: World, **given) -> Visit:
    draft = world.draft(**given)
    visit, _ = log_visit(world.session, world.officer, draft, NOW)
    return sign_off(world.session, world.officer, draft.uuid, visit.version, letterhead=LETTERHEAD, ladder=LADDER, at=NOW)


def test_numbers_count_up_within_series_and_year(world: World):
    assert [signed(world).number for _ in range(3)] == [f"台助访〔2026〕000{n}号" for n in (1, 2, 3)]


def test_a_new_year_starts_at_one(world: World):
    signed(world)
    assert next_number(world.session, "台助访", 2027) == "台助访〔2027〕0001号"


def test_the_year_of_a_number_is_the_year_in_shanghai(world: World):
    at = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)  # half past midnight on New Year's Day
    draft = world.draft()
    log_visit(world.session, world.officer, draft, at)
    visit = sign_off(world.session, world.officer, draft.uuid, 1, letterhead=LETTERHEAD, ladder=None, at=at)
    assert visit.number == "台助访〔2027〕0001号"


def test_a_sign_off_that_rolls_back_gives_its_number_back(world: World):
    world.session.commit()
    draft = world.draft()
    log_visit(world.session, world.officer, draft, NOW)
    world.session.commit()
    sign_off(world.session, world.officer, draft.uuid, 1, letterhead=LETTERHEAD, ladder=None, at=NOW)
    world.session.rollback()
    visit = sign_off(world.session, world.officer, draft.uuid, 1, letterhead=LETTERHEAD, ladder=None, at=NOW)
    assert visit.number == "台助访〔2026〕0001号"


def test_concurrent_sign_offs_leave_no_gap_and_no_double(world: World, clean_engine):
    drafts = [world.draft() for _ in range(6)]
    for draft in drafts:
        log_visit(world.session, world.officer, draft, NOW)
    world.session.commit()
    barrier = Barrier(len(drafts))

    def run(uuid: str) -> None:
        with Session(clean_engine) as session:
            barrier.wait()
            sign_off(session, world.officer, uuid, 1, letterhead=LETTERHEAD, ladder=None, at=NOW)
            session.commit()

    threads = [Thread(target=run, args=(d.uuid,)) for d in drafts]
    [t.start() for t in threads]
    [t.join() for t in threads]
    world.session.expire_all()
    numbers = sorted(world.session.scalars(select(Visit.number)))
    assert numbers == [f"台助访〔2026〕000{n}号" for n in range(1, 7)]


def test_two_who_sign_the_same_visit_get_one_number(world: World, clean_engine):
    draft = world.draft()
    log_visit(world.session, world.officer, draft, NOW)
    world.session.commit()
    barrier, refused = Barrier(2), []

    def run() -> None:
        with Session(clean_engine) as session:
            barrier.wait()
            try:
                sign_off(session, world.officer, draft.uuid, 1, letterhead=LETTERHEAD, ladder=None, at=NOW)
                session.commit()
            except CrmError as error:
                refused.append(type(error))

    threads = [Thread(target=run) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    world.session.rollback()
    assert (len(refused), refused[0] in (Changed, Frozen), next_number(world.session, "台助访", 2026)) == (1, True, "台助访〔2026〕0002号")


def test_signing_twice_is_refused(world: World):
    visit = signed(world)
    with pytest.raises(Frozen):
        sign_off(world.session, world.officer, visit.uuid, visit.version, letterhead=LETTERHEAD, ladder=None, at=NOW)


def test_signing_what_somebody_just_changed_is_refused(world: World):
    draft = world.draft()
    log_visit(world.session, world.officer, draft, NOW)
    with pytest.raises(Changed):
        sign_off(world.session, world.officer, draft.uuid, 7, letterhead=LETTERHEAD, ladder=None, at=NOW)


def test_the_digest_can_be_computed_again_from_what_is_stored(world: World):
    visit = signed(world, summary="正常")
    world.session.commit()
    world.session.expire(visit)
    assert digest_of(visit.frozen) == visit.digest


def test_what_happens_to_the_firm_later_does_not_change_the_record(world: World):
    visit = signed(world)
    world.session.get(Enterprise, world.firm.id).name = "改名后有限公司"
    world.session.flush()
    assert record_of(visit, "")["enterprise"]["name"] == "台州砚江机械有限公司"


def test_the_record_holds_last_years_figures_and_the_ladder(world: World):
    file_figures(
        world.session, world.firm.id, period="2025", form="period", source="firm", by=None, at=NOW,
        values={"revenue": 30_000_000, "rd_expense": 899_999, "employees": 85},
    )
    frozen = signed(world).frozen
    firm, criterion = frozen["enterprise"], frozen["ladder"]["tests"][0]["criteria"][0]
    assert (firm["figures_year"], firm["revenue"], firm["rd_ratio"], firm["tax"], criterion["gap"]) == (
        2025, 30_000_000, "2.99 %", None, "差 0.24 个百分点",
    )


def test_a_supplement_keeps_author_and_time(world: World):
    added = supplement(world.session, world.manager, signed(world).uuid, " 银行已放款 ", NOW)
    assert (added.text, added.author_id, added.at) == ("银行已放款", world.manager.user_id, NOW)


def test_an_unsigned_visit_takes_no_supplement(world: World):
    visit, _ = log_visit(world.session, world.officer, world.draft(), NOW)
    with pytest.raises(NotSigned):
        supplement(world.session, world.officer, visit.uuid, "补充", NOW)


def test_a_stranger_cannot_supplement(world: World):
    uuid = signed(world).uuid
    with pytest.raises(NotFound):
        supplement(world.session, world.stranger, uuid, "补充", NOW)


def test_a_check_code_finds_its_visit(world: World):
    visit = signed(world)
    assert by_check_code(world.session, visit.check_code) is visit
