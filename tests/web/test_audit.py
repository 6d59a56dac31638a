"""The audit page: filters, before and after, the chain, the jurisdiction, exports that are themselves logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from crm.security import audit
from crm.security.access import Access
from crm.security.models import AuditEntry
from crm.web.audit import changes
from tests.conftest import make_user
from tests.web.counting import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    SignIn = Callable[..., FlaskClient]

WHO = Access(None, "周科长", frozenset({"manager"}), ("331000",))


def note(session: Session, action: str = "enterprise.update", region: str | None = "331081", **values: object) -> None:
    audit.record(session, WHO, action, "enterprise", 14, region, **values)
    session.commit()


def test_an_entry_shows_what_stood_before_and_after(session: Session, sign_in: SignIn) -> None:
    note(session, before={"name": "旧鞋材厂"}, after={"name": "新鞋材有限公司"})
    text = sign_in("auditor", "331000").get("/audit/").get_data(as_text=True)
    assert "<del>旧鞋材厂</del>" in text
    assert "<ins>新鞋材有限公司</ins>" in text


def test_a_value_written_for_the_first_time_has_no_before() -> None:
    assert [(c.before, c.after) for c in changes({"after": {"officer_id": 3}})] == [(None, "3")]


def test_entries_about_another_county_are_not_shown(session: Session, sign_in: SignIn) -> None:
    note(session, region="330300", before={"name": "瑞安某厂"}, after={"name": "瑞安某公司"})
    assert "瑞安某厂" not in sign_in("auditor", "331000").get("/audit/").get_data(as_text=True)


def test_an_entry_without_region_by_a_user_of_another_county_is_not_shown(session: Session, app: object, sign_in: SignIn) -> None:
    user = make_user(session, "manager", ("330381",))
    audit.record(session, Access(user.id, "外县科长", frozenset({"manager"})), "export", "enterprise", None, rows=9)
    session.commit()
    assert "外县科长" not in sign_in("auditor", "331000").get("/audit/").get_data(as_text=True)


def test_an_entry_without_region_by_a_user_of_the_city_is_shown(session: Session, app: object, sign_in: SignIn) -> None:
    user = make_user(session, "manager", ("331081",))
    audit.record(session, Access(user.id, "本市科长", frozenset({"manager"})), "export", "enterprise", None, rows=9)
    session.commit()
    assert "本市科长" in sign_in("auditor", "331000").get("/audit/").get_data(as_text=True)


@pytest.mark.parametrize(
    ("query", "shown"),
    [("action=enterprise.", True), ("action=sign_in_failed", False), ("actor=周科", True), ("actor=王", False), ("subject_type=enterprise&subject_id=14", True),
     ("subject_type=enterprise&subject_id=15", False), ("since=2020-01-01", True), ("until=2020-01-01", False)],
)
def test_filters_narrow_the_list(session: Session, sign_in: SignIn, query: str, *, shown: bool) -> None:
    note(session, after={"name": "独一无二厂"})
    assert ("独一无二厂" in sign_in("auditor", "331000").get(f"/audit/?{query}").get_data(as_text=True)) is shown


def test_checking_notes_up_to_where_the_chain_holds(session: Session, sign_in: SignIn) -> None:
    note(session)
    client = sign_in("auditor", "331000")
    client.post("/audit/check")
    newest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (newest.action, newest.detail["broken_at"], newest.detail["up_to"]) == ("audit.verified", None, newest.id - 1)


def test_an_altered_entry_is_named(session: Session, sign_in: SignIn) -> None:
    note(session, after={"name": "甲"})
    note(session, after={"name": "乙"})
    altered = session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).first()
    session.connection().execute(update(AuditEntry.__table__).where(AuditEntry.id == altered).values(actor="别人"))
    session.commit()
    client = sign_in("auditor", "331000")
    client.post("/audit/check")
    assert f"从 #{altered} 起对不上" in client.get("/audit/").get_data(as_text=True)


def test_an_export_is_itself_an_entry(session: Session, sign_in: SignIn) -> None:
    note(session)
    sign_in("auditor", "331000").get("/audit/export.csv?action=enterprise.")
    newest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (newest.action, newest.detail["rows"], newest.detail["filters"]) == ("audit.export", 1, {"action": "enterprise."})


def test_the_export_begins_with_a_byte_order_mark_and_holds_the_change(session: Session, sign_in: SignIn) -> None:
    note(session, before={"name": "旧"}, after={"name": "新"})
    text = sign_in("auditor", "331000").get("/audit/export.csv").get_data().decode("utf-8")
    assert text.startswith("\ufeff编号,")
    assert "名称: 旧 → 新" in text


def test_what_a_spreadsheet_would_run_is_defused(session: Session, sign_in: SignIn) -> None:
    audit.record(session, Access(None, " =cmd()", frozenset(), ("331000",)), "export", "enterprise", 1, "331081")
    session.commit()
    assert ",' =cmd()," in sign_in("auditor", "331000").get("/audit/export.csv").get_data().decode()


@pytest.mark.parametrize("role", ["officer", "manager"])
def test_officers_and_managers_are_refused(session: Session, sign_in: SignIn, role: str) -> None:
    note(session, after={"name": "看不到的厂"})
    client = sign_in(role, "331000")
    answers = [client.get("/audit/"), client.get("/audit/export.csv"), client.post("/audit/check")]
    assert all("看不到的厂" not in a.get_data(as_text=True) and a.status_code in (302, 403) for a in answers)


@pytest.mark.parametrize("query", ["before=x", "since=9999-12-31&until=9999-12-31", "since=0001-01-01", "actor=%00%25_", "subject_id=%27", "action=drop"])
def test_odd_parameters_are_answered(sign_in: SignIn, query: str) -> None:
    assert sign_in("auditor", "331000").get(f"/audit/?{query}").status_code == 200


def test_the_page_stays_within_twelve_queries(session: Session, sign_in: SignIn, clean_engine: Engine) -> None:
    for _ in range(60):
        note(session, after={"name": "甲"})
    client = sign_in("auditor", "331000")
    client.get("/audit/")
    with statements(clean_engine) as sent:
        client.get("/audit/")
    assert len(sent) <= 12, "\n".join(sent)
