"""From the upload to the undo with the real worker: what the pages promise is what stands in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from crm.cases.models import Case
from crm.enterprises.models import Enterprise
from crm.imports.models import ImportBatch, ImportFinding
from crm.jobs.models import JobRun
from crm.jobs.worker import Worker
from crm.security.models import AuditEntry, UserRegion
from tests.web.test_imports import REGISTRATIONS, taizhou, upload  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from crm.config import Settings

    SignIn = Callable[..., FlaskClient]


@pytest.fixture
def work(clean_engine: Engine, settings: Settings) -> Callable[[], int]:
    """Work the queue until it is empty; returns how many runs were worked."""

    def _work() -> int:
        worker = Worker(settings, clean_engine, "test")
        worked = 0
        while worker.work_one():
            worked += 1
        return worked

    return _work


def checked(client: FlaskClient, work: Callable[[], int], text: str = REGISTRATIONS) -> str:
    """Upload, confirm the guess, let it be checked; the batch's address."""
    address = upload(client, text).location
    client.post(address, data={"shown_kind": "registrations", "kind": "registrations"})
    work()
    return address.removesuffix("/mapping")


def names(session: Session) -> list[str]:
    session.expire_all()
    return sorted(session.scalars(select(Enterprise.name).where(Enterprise.deleted_at.is_(None))))


@pytest.mark.usefixtures("taizhou")
class TestFlow:
    def test_the_check_counts_and_writes_nothing(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        text = client.get(checked(client, work)).get_data(as_text=True)
        assert "写入 2 行" in text
        assert "下载退回行" in text
        assert names(session) == []

    def test_applying_writes_what_was_shown(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        address = checked(client, work)
        client.post(f"{address}/apply")
        work()
        assert names(session) == ["温岭汀越鞋材厂", "黄岩澍原塑业有限公司"]
        assert "已写入 2 行" in client.get(address).get_data(as_text=True)

    def test_undoing_takes_it_all_back(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        address = checked(client, work)
        client.post(f"{address}/apply")
        work()
        client.post(f"{address}/undo")
        work()
        assert (names(session), session.scalars(select(ImportBatch.state)).one()) == ([], "undone")

    def test_rows_of_another_county_are_rejected_with_the_reason(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331081")
        address = checked(client, work)
        client.post(f"{address}/apply")
        work()
        assert names(session) == ["温岭汀越鞋材厂"]
        assert "outside" in session.scalars(select(ImportFinding.reason))

    def test_a_jurisdiction_taken_away_before_the_work_writes_nothing(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        address = checked(client, work)
        client.post(f"{address}/apply")
        session.query(UserRegion).delete()
        session.commit()
        work()
        assert (names(session), session.scalars(select(ImportBatch.state)).one()) == ([], "checked")

    def test_a_step_repeated_after_a_crash_between_work_and_note_changes_nothing(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        address = checked(client, work)
        client.post(f"{address}/apply")
        work()
        run = session.scalars(select(JobRun).where(JobRun.job == "import_apply")).one()
        run.state = "queued"
        session.commit()
        work()
        session.expire_all()
        assert (session.get(JobRun, run.id).state, session.scalars(select(ImportBatch.state)).one(), len(names(session))) == ("done", "applied", 2)

    def test_the_rejected_rows_come_back_as_a_file_in_the_same_shape(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        answer = client.get(f"{checked(client, work)}/rejected")
        assert "attachment" in answer.headers["Content-Disposition"]
        assert "9133108" in answer.get_data().decode("utf-8-sig", "replace")

    def test_a_second_import_of_the_same_file_offers_nothing_to_write(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        client.post(f"{checked(client, work)}/apply")
        work()
        assert "没有需要写入的行" in client.get(checked(client, work)).get_data(as_text=True)

    def test_writing_and_undoing_are_audited_with_who_asked(self, session: Session, sign_in: SignIn, work: Callable[[], int]) -> None:
        client = sign_in("manager", "331000")
        address = checked(client, work)
        client.post(f"{address}/apply")
        work()
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "import.applied")).one()
        assert (entry.actor.startswith("manager"), entry.detail["counts"]["new"]) == (True, 2)


def test_cases_of_a_hotline_go_in_and_out_again_through_the_pages(session: Session, sign_in: SignIn, work: Callable[[], int], taizhou: object) -> None:  # noqa: F811
    client = sign_in("manager", "331000")
    client.post(f"{checked(client, work)}/apply")
    work()
    text = "工单编号,企业名称,来电时间,诉求标题\nGD-1,黄岩澍原塑业有限公司,2026-02-27 15:30,缺工\n"
    mapping = upload(client, text).location
    client.post(mapping, data={"shown_kind": "cases", "kind": "cases", "source": "17687"})
    work()
    address = mapping.removesuffix("/mapping")
    client.post(f"{address}/apply")
    work()
    session.expire_all()
    written = session.execute(select(Case.source, Case.external_no, Case.stage)).all()
    client.post(f"{address}/undo")
    work()
    session.expire_all()
    assert (written, session.scalars(select(Case)).all()) == ([("17687", "GD-1", "received")], [])
