"""The trail: gapless, linked, written with the change or not at all."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from crm.regions.models import Region
from crm.security import audit
from crm.security.access import Access
from crm.security.models import AuditEntry, AuditHead

MANAGER = Access(7, "周科", frozenset({"manager"}), ("331000",))


def write(session, count=3):
    for number in range(count):
        audit.record(session, MANAGER, "export", "enterprise", number, rows=number)
    session.commit()


def test_entries_are_numbered_without_gaps_and_the_chain_holds(session):
    write(session)
    write(session)
    assert [e.id for e in session.scalars(select(AuditEntry).order_by(AuditEntry.id))] == [1, 2, 3, 4, 5, 6]
    assert audit.verify(session) is None


def test_an_empty_trail_is_whole(session):
    assert audit.verify(session) is None


@pytest.mark.parametrize("change", [
    "UPDATE audit_entry SET actor = 'somebody else' WHERE id = 2",
    "UPDATE audit_entry SET detail = '{\"rows\": 99}' WHERE id = 2",
    "UPDATE audit_entry SET at = '2020-01-01 00:00:00+00:00' WHERE id = 2",
    "UPDATE audit_entry SET ip = '10.0.0.1' WHERE id = 2",
    "DELETE FROM audit_entry WHERE id = 2",
])
def test_an_altered_or_missing_entry_is_found_by_its_number(session, change):
    write(session)
    session.execute(text(change))
    session.commit()
    session.expire_all()
    assert audit.verify(session) == 2


def test_a_cut_off_tail_is_found(session):
    write(session)
    session.execute(text("DELETE FROM audit_entry WHERE id = 3"))
    session.commit()
    assert audit.verify(session) == 3


def test_an_entry_relinked_with_a_true_digest_still_breaks_the_next(session):
    write(session)
    row = dict(session.execute(select(AuditEntry.__table__).where(AuditEntry.__table__.c.id == 2)).one()._mapping) | {"actor": "forged"}
    session.execute(AuditEntry.__table__.update().where(AuditEntry.__table__.c.id == 2).values(actor="forged", digest=audit.digest_of(row)))
    session.commit()
    assert audit.verify(session) == 3


def test_a_rolled_back_change_leaves_no_entry(session):
    audit.record(session, MANAGER, "export")
    session.rollback()
    session.commit()
    assert audit.head(session) == (0, "")


def test_a_rolled_back_savepoint_takes_only_its_own_entries(session):
    audit.record(session, MANAGER, "kept")
    inner = session.begin_nested()
    audit.record(session, MANAGER, "lost")
    inner.rollback()
    session.commit()
    assert [e.action for e in audit.entries(session)] == ["kept"]


def test_writers_at_once_leave_one_whole_chain(clean_engine):
    failed = []

    def work():
        try:
            for _ in range(10):
                with Session(clean_engine) as own:
                    audit.record(own, MANAGER, "export")
                    own.commit()
        except Exception as error:  # noqa: BLE001  # shown by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    with Session(clean_engine) as session:
        assert (failed, audit.head(session)[0], audit.verify(session)) == ([], 60, None)


def test_an_orm_change_is_recorded_with_before_and_after(session):
    region = Region(code="331081", name="温岭市", level="county")
    session.add(region)
    session.commit()
    region.name = "温岭"
    session.commit()
    entry = audit.entries(session, action="region.update")[0]
    assert (entry.detail, entry.subject_id) == ({"before": {"name": "温岭市"}, "after": {"name": "温岭"}}, "331081")


def test_an_unchanged_value_leaves_no_entry(session):
    region = Region(code="331081", name="温岭市", level="county")
    session.add(region)
    session.commit()
    region.name = "温岭市"
    session.commit()
    assert audit.entries(session, action="region.update") == []


def test_a_bulk_statement_is_recorded_once(session):
    session.add(Region(code="331081", name="温岭市", level="county"))
    session.commit()
    session.execute(Region.__table__.update().values(name="x"))  # not the ORM: nothing to see
    from sqlalchemy import update
    session.execute(update(Region).where(Region.code == "331081").values(name="y"))
    session.commit()
    assert [e.subject_type for e in audit.entries(session, action="region.bulk_update")] == ["region"]


def test_many_changes_of_one_kind_become_one_entry_with_a_count(session):
    session.add_all(Region(code=f"33{n:04}", name="x", level="county") for n in range(80))
    session.commit()
    assert [e.detail["count"] for e in audit.entries(session, action="region.insert")] == [80]


def test_the_session_says_who_acts(session):
    session.info["access"] = lambda: MANAGER
    session.add(Region(code="331081", name="温岭市", level="county"))
    session.commit()
    assert audit.entries(session)[0].actor == "周科"


def test_an_entry_cannot_be_changed_through_the_orm(session):
    write(session, 1)
    session.scalars(select(AuditEntry)).one().actor = "x"
    with pytest.raises(RuntimeError, match="append-only"):
        session.commit()


def test_the_head_cannot_be_changed_through_the_orm(session):
    write(session, 1)
    session.get(AuditHead, 1).last_id = 5
    with pytest.raises(RuntimeError, match="append-only"):
        session.commit()


def test_awkward_values_come_back_as_they_were_digested(session):
    audit.record(session, MANAGER, "odd", after={"nul": "a\0b", "lone": "\ud800", "float": 1.10, "long": "字" * 900, "deep": {"z": [1, None, True]}})
    session.commit()
    session.expire_all()
    assert audit.verify(session) is None


def test_entries_are_filtered_and_paged(session):
    write(session, 5)
    first = audit.entries(session, action="export", limit=2)
    assert [e.id for e in audit.entries(session, action="exp.", limit=2)] == []
    assert [e.id for e in audit.entries(session, actor="周", before_id=first[-1].id, limit=2)] == [3, 2]


def test_a_bulk_statement_with_many_values_is_told_by_count_and_digest(session):
    from sqlalchemy import update
    session.execute(update(Region).where(Region.code.in_([f"{n:06}" for n in range(300)])).values(name="y"))
    session.commit()
    assert len(str(audit.entries(session, action="region.bulk_update")[0].detail)) < 1500
    assert audit.verify(session) is None
