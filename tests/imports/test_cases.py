"""Cases of hotlines and platforms as a file: one case a number, deadlines from the day it came in, nothing twice."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from crm.cases import operations as cases
from crm.cases.models import Case, CaseEvent
from crm.core import workdays
from crm.core.clock import local
from crm.imports.errors import ChangedSince
from crm.imports.models import ImportFinding
from crm.imports.operations import undo
from crm.security.access import Access

from .conftest import AT, CODES, NAMES, RULES
from .test_registrations import counts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.imports.models import ImportBatch

pytestmark = pytest.mark.usefixtures("firms")
HEAD = "工单编号,企业名称,来电时间,诉求标题,诉求内容,诉求类别,紧急程度,联系人,联系电话\n"
ROW = f"GD-1,{NAMES[0]},2026-02-27 15:30,春节后缺工,还差 30 人,招工用工,紧急,李敏,13857611234\n"


def files(bring: Callable[..., ImportBatch], *rows: str, name: str = "12345工单.csv", **given: object) -> ImportBatch:
    return bring(HEAD + "".join(rows), name=name, **given)


def only(session: Session) -> Case:
    session.expire_all()
    return session.scalars(select(Case)).one()


def reasons(session: Session, batch: ImportBatch) -> set[str]:
    return set(session.scalars(select(ImportFinding.reason).where(ImportFinding.batch_id == batch.id)))


def told(session: Session, reason: str) -> str:
    return session.scalars(select(ImportFinding.message).where(ImportFinding.reason == reason)).first() or ""


def test_a_file_of_a_hotline_is_known_for_one_and_each_row_becomes_a_case(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = files(bring, ROW)
    case = only(reference)
    assert (batch.kind, case.source, case.external_no, case.kind, case.urgency, case.stage, case.title) == (
        "cases", "12345", "GD-1", "labour", "urgent", "received", "春节后缺工")


def test_the_day_to_accept_is_counted_from_when_it_came_in_and_not_from_the_import(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    files(bring, ROW)
    case = only(reference)
    assert (local(case.opened_at).isoformat()[:16], case.accept_by) == ("2026-02-27T15:30", workdays.add(date(2026, 2, 27), RULES.accept.days).on)


def test_the_same_file_again_writes_nothing(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    files(bring, ROW)
    assert (counts(files(bring, ROW))["same"], reference.scalar(select(func.count()).select_from(CaseEvent))) == (1, 1)


def test_the_same_number_of_another_source_is_another_case(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    files(bring, ROW)
    files(bring, ROW, name="帮企云导出.csv")
    assert reference.scalars(select(Case.source).order_by(Case.id)).all() == ["12345", "bqy"]


def test_a_case_that_came_over_the_signed_door_is_the_same_case(reference: Session, bring: Callable[..., ImportBatch], firms: list[int]) -> None:
    cases.open_case(
        reference, Access(None, "", frozenset({"system"})), uuid=cases.outside_uuid("12345", "GD-1"), enterprise_id=firms[0], title="春节后缺工",
        source="12345", external_no="GD-1", at=AT,
    )
    assert counts(files(bring, ROW))["same"] == 1


@pytest.mark.parametrize("stands", ["on file", "in the file"])
def test_a_number_of_another_firms_case_is_a_word_on_its_row(reference: Session, bring: Callable[..., ImportBatch], stands: str) -> None:
    theirs = ROW.replace(NAMES[0], NAMES[1])
    if stands == "on file":
        files(bring, ROW)
    batch = files(bring, *([theirs] if stands == "on file" else [ROW, theirs]))
    assert (counts(batch)["rejected"], reasons(reference, batch), only(reference).title) == (1, {"number_taken"}, "春节后缺工")


def test_a_row_twice_in_a_file_is_one_case(bring: Callable[..., ImportBatch], reference: Session) -> None:
    assert (counts(files(bring, ROW, ROW))["duplicate"], only(reference).external_no) == (1, "GD-1")


def test_without_a_number_firm_day_and_text_tell_cases_apart_and_the_report_says_so(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bare = ROW.replace("GD-1", "")
    files(bring, bare, bare.replace("02-27 15:30", "02-26"))
    again = files(bring, bare)
    numbers = reference.scalars(select(Case.external_no)).all()
    assert (counts(again)["same"], len(numbers), all(n.startswith("无号-") for n in numbers), "按企业、日期和内容" in told(reference, "number_made")) == (1, 2, True, True)


def test_an_unknown_firm_is_given_back_in_a_file_with_the_reason(reference: Session, bring: Callable[..., ImportBatch], tmp_path: Path) -> None:
    batch = files(bring, ROW, ROW.replace(NAMES[0], "没有这家有限公司").replace("GD-1", "GD-2"))
    back = (tmp_path / batch.rejected_path).read_text("utf-8-sig")
    assert ("GD-2" in back and "库中没有" in back, "GD-1" in back, only(reference).external_no) == (True, False, "GD-1")


@pytest.mark.parametrize(("change", "reason"), [
    (("2026-02-27 15:30", ""), "date_missing"), (("2026-02-27 15:30", "上周五"), "date_unreadable"), (("2026-02-27 15:30", "2026-03-03"), "date_in_future"),
    (("春节后缺工,还差 30 人", ","), "subject_missing"), (("GD-1", "9" * 65), "number_too_long"),
], ids=["no day", "odd day", "tomorrow", "no text", "long number"])
def test_what_cannot_be_a_case_is_rejected_in_words(reference: Session, bring: Callable[..., ImportBatch], change: tuple[str, str], reason: str) -> None:
    batch = files(bring, ROW.replace(*change))
    assert (counts(batch)["rejected"], reasons(reference, batch), reference.scalar(select(func.count()).select_from(Case))) == (1, {reason}, 0)


def test_a_case_of_today_is_taken(bring: Callable[..., ImportBatch]) -> None:
    assert counts(files(bring, ROW.replace("2026-02-27 15:30", "2026-03-02")))["new"] == 1


@pytest.mark.parametrize(("change", "reason", "column", "value"), [
    (("招工用工", "宇宙探索"), "case_kind_unknown", "kind", "other"), (("紧急", "甲级"), "urgency_unknown", "urgency", "normal"),
])
def test_a_kind_or_urgency_nobody_knows_is_said_and_not_guessed(reference: Session, bring: Callable[..., ImportBatch], change, reason, column, value) -> None:
    files(bring, ROW.replace(*change))
    assert (getattr(only(reference), column), change[1] in told(reference, reason)) == (value, True)


def test_a_source_nobody_knows_is_rejected_for_it_is_half_of_the_identity(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring("来源渠道,工单编号,企业名称,来电时间,诉求标题\n热心群众,1," + NAMES[0] + ",2026-02-27,缺工\n17687热线,2," + NAMES[0] + ",2026-02-27,缺电\n", kind="cases")
    assert (reasons(reference, batch), only(reference).source) == ({"source_unknown"}, "17687")


def test_a_text_that_changed_since_is_told_and_not_overwritten(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    files(bring, ROW)
    files(bring, ROW.replace("还差 30 人", "还差 50 人"))
    assert (only(reference).detail, "不改" in told(reference, "case_differs")) == ("还差 30 人", True)


def test_a_dry_run_writes_no_case(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    assert (counts(files(bring, ROW, write=False))["new"], reference.scalar(select(func.count()).select_from(Case))) == (1, 0)


def test_a_batch_can_be_taken_back_while_nobody_worked_on_its_cases(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = files(bring, ROW)
    undo(reference, batch.id, by=None, at=AT)
    assert [reference.scalar(select(func.count()).select_from(table)) for table in (Case, CaseEvent)] == [0, 0]


def test_a_case_somebody_worked_on_stops_the_undo_and_is_named(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = files(bring, ROW)
    cases.take_step(reference, Access(None, "", frozenset({"manager"}), ("330000",)), only(reference).uuid, "progress", cases.Given(note="问过了"), rules=RULES, at=AT)
    with pytest.raises(ChangedSince, match="已经办过"):
        undo(reference, batch.id, by=None, at=AT)
    assert only(reference).external_no == "GD-1"


def test_a_firm_known_by_its_code_needs_no_name(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(f"统一社会信用代码,受理日期,诉求内容\n{CODES[1]},2026年2月27日,要扩建厂房，找不到地\n", kind="cases")
    assert only(reference).title == "要扩建厂房,找不到地"
