"""From upload to undo: states, memory, scope, killed half-way, two at once, rejected rows back."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, text

from crm.core.db import metadata
from crm.enterprises.models import Enterprise
from crm.enterprises.operations import record_event, update_enterprise
from crm.imports.errors import ChangedSince, NotReady
from crm.imports.models import ImportBatch, ImportChange
from crm.imports.operations import apply, discard, dry_run, guess, stage, undo
from crm.imports.queries import finding_counts, findings, rejected_file
from crm.indicators.models import Filing
from crm.security.access import Access

from .conftest import AT, CODES, NAMES
from .test_registrations import HEAD, ONE, counts, reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

LATER = AT + timedelta(hours=1)
FIGURES = "统一社会信用代码,年度,营业收入(万元)\n"
OWN = {"import_batch", "import_change", "import_finding", "import_mapping", "facts_dirty", "audit_entry", "audit_head"}


def picture(session: Session) -> dict[str, list[Any]]:
    """Every row of every table but the import's own."""
    session.flush()
    return {t.name: sorted(map(repr, session.execute(select(t)).all())) for t in metadata.sorted_tables if t.name not in OWN}


def check(session: Session, folder: Path, content: str, **more: Any) -> ImportBatch:
    batch = stage(session, content.encode(), "表.csv", by=1, at=AT, data_dir=folder, kind=more.pop("kind", None))
    dry_run(session, batch.id, guess(session, batch, data_dir=folder), at=AT, data_dir=folder, **more)
    session.commit()
    return batch


def test_a_file_goes_from_upload_to_applied(reference: Session, tmp_path: Path) -> None:
    batch = check(reference, tmp_path, HEAD + ONE)

    apply(reference, batch.id, by=1, at=AT, data_dir=tmp_path)

    assert (batch.state, batch.applied_at, reference.scalar(select(Enterprise.name))) == ("applied", AT, NAMES[1])


def test_an_applied_batch_is_not_applied_twice(reference: Session, tmp_path: Path) -> None:
    batch = check(reference, tmp_path, HEAD + ONE)
    apply(reference, batch.id, by=1, at=AT, data_dir=tmp_path)

    with pytest.raises(NotReady):
        apply(reference, batch.id, by=1, at=AT, data_dir=tmp_path)


def test_a_batch_is_not_applied_before_it_was_checked(reference: Session, tmp_path: Path) -> None:
    batch = stage(reference, (HEAD + ONE).encode(), "表.csv", by=1, at=AT, data_dir=tmp_path)

    with pytest.raises(NotReady):
        apply(reference, batch.id, by=1, at=AT, data_dir=tmp_path)


def test_what_changed_after_the_check_stops_the_writing(reference: Session, tmp_path: Path) -> None:
    first, second = check(reference, tmp_path, HEAD + ONE), check(reference, tmp_path, HEAD + ONE)
    apply(reference, first.id, by=1, at=AT, data_dir=tmp_path)

    with pytest.raises(ChangedSince):
        apply(reference, second.id, by=1, at=AT, data_dir=tmp_path)


def test_progress_counts_the_rows(reference: Session, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    check(reference, tmp_path, HEAD + ONE, progress=lambda done, total: told.append((done, total)))

    assert told[-1] == (1, 1)


def test_a_confirmed_mapping_is_remembered_for_the_same_heads(reference: Session, firms: list[int], bring: Callable[..., ImportBatch], tmp_path: Path) -> None:
    bring(f"统一社会信用代码,年度,甲栏\n{CODES[0]},2023,1\n", kind="annual", columns={"甲栏": {"field": "revenue", "unit": "亿元"}})

    batch = stage(reference, f"统一社会信用代码,年度,甲栏\n{CODES[0]},2024,1\n".encode(), "表.csv", by=1, at=AT, data_dir=tmp_path, kind="annual")

    assert [(c.field, c.unit, c.why) for c in guess(reference, batch, data_dir=tmp_path).columns][2] == ("revenue", "亿元", "上次这样对应")


def test_undo_of_registrations_restores_every_row(reference: Session, firms: list[int], bring: Callable[..., ImportBatch]) -> None:
    before = picture(reference)
    batch = bring(HEAD + ONE.replace(NAMES[1], "温岭新元泵业有限公司") + ONE.replace(CODES[1], "91110108551385082Q"))

    undo(reference, batch.id, by=None, at=LATER)

    assert picture(reference) == before


def test_undo_of_figures_restores_the_superseded_ones(reference: Session, firms: list[int], bring: Callable[..., ImportBatch]) -> None:
    bring(FIGURES + f"{CODES[0]},2024,1\n")
    before = picture(reference)
    batch = bring(FIGURES + f"{CODES[0]},2024,2\n{CODES[1]},2024,3\n")

    undo(reference, batch.id, by=None, at=LATER)

    assert picture(reference) == before


def test_undo_of_titles_and_register_restores_every_row(reference: Session, firms: list[int], bring: Callable[..., ImportBatch]) -> None:
    bring(f"企业名称,入库日期\n{NAMES[0]},2015-01-01\n", kind="register")
    before = picture(reference)
    titles = bring(f"企业名称,称号,认定日期\n{NAMES[0]},高新技术企业,2023-12-08\n", kind="titles")
    register = bring(f"企业名称,退库日期,退库原因\n{NAMES[0]},2020-12-31,收入低于起点\n", kind="register")

    undo(reference, register.id, by=None, at=LATER)
    undo(reference, titles.id, by=None, at=LATER)

    assert picture(reference) == before


def test_a_firm_changed_since_stops_the_undo_whole(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(HEAD + ONE + ONE.replace(CODES[1], CODES[0]))
    firm = reference.scalars(select(Enterprise).where(Enterprise.uscc == CODES[0])).one()
    update_enterprise(reference, firm, {"address": "温岭市大溪镇2号"}, version=firm.version, by=None, at=LATER)
    reference.commit()

    with pytest.raises(ChangedSince):
        undo(reference, batch.id, by=None, at=LATER)

    assert reference.scalar(select(func.count()).select_from(Enterprise)) == 2


def test_a_firm_somebody_wrote_about_stops_the_undo(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(HEAD + ONE)
    record_event(reference, reference.scalar(select(Enterprise.id)), "suspended", on=AT.date(), source="manual", by=1, at=LATER)

    with pytest.raises(ChangedSince) as refused:
        undo(reference, batch.id, by=None, at=LATER)

    assert "大事记" in refused.value.message


def test_a_corrected_figure_stops_the_undo(reference: Session, firms: list[int], bring: Callable[..., ImportBatch]) -> None:
    batch = bring(FIGURES + f"{CODES[0]},2024,1\n")
    bring(FIGURES + f"{CODES[0]},2024,2\n")

    with pytest.raises(ChangedSince):
        undo(reference, batch.id, by=None, at=LATER)


def test_an_undone_file_may_be_imported_again(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    undo(reference, bring(HEAD + ONE).id, by=None, at=LATER)

    assert counts(bring(HEAD + ONE)) == {"rows": 1, "new": 1}


def test_firms_outside_the_jurisdiction_are_given_back(reference: Session, tmp_path: Path) -> None:
    wenling = Access(1, "officer", frozenset({"officer"}), ("331081",))

    batch = check(reference, tmp_path, HEAD + ONE + ONE.replace(CODES[1], CODES[0]).replace("温岭市泽国镇", "临海市杜桥镇"), access=wenling)

    assert [r for r in reasons(reference, batch) if r[1] == "rejected"] == [(3, "rejected", "outside")]


def test_figures_of_a_firm_outside_the_jurisdiction_are_given_back(reference: Session, firms: list[int], tmp_path: Path) -> None:
    wenling = Access(1, "officer", frozenset({"officer"}), ("331081",))

    batch = check(reference, tmp_path, FIGURES + f"{CODES[0]},2024,1\n{CODES[1]},2024,1\n", access=wenling)

    assert counts(batch) == {"rows": 2, "new": 1, "rejected": 1}


def test_rejected_rows_come_back_in_the_same_shape_with_reasons(reference: Session, bring: Callable[..., ImportBatch], tmp_path: Path) -> None:
    batch = bring("企业登记表,,\n" + HEAD + ONE + "=1+1,123,,,温岭市,,\n")

    lines = list(csv.reader(rejected_file(reference, batch.id, tmp_path).open(encoding="utf-8-sig")))

    assert (lines[0][0], lines[1][:2], lines[1][-1], lines[2][0], lines[2][-1][:10]) == ("企业登记表", ["企业名称", "统一社会信用代码"], "退回原因", "'=1+1", "统一社会信用代码应为")


def test_mended_rejected_rows_import_as_they_are(reference: Session, bring: Callable[..., ImportBatch], tmp_path: Path) -> None:
    first = bring(HEAD + ONE.replace(CODES[1], "123"))
    mended = rejected_file(reference, first.id, tmp_path).read_text("utf-8-sig").replace("123", CODES[1], 1)

    assert counts(bring(mended, name="修改.csv")) == {"rows": 1, "new": 1}


def test_findings_are_read_page_by_page(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(HEAD + "".join(f"甲厂,{n},,,温岭市,,\n" for n in range(5)) + ONE)
    first = findings(reference, batch.id, "rejected", limit=3)

    second = findings(reference, batch.id, "rejected", after=first[-1].id, limit=3)

    assert ([f.row for f in first], [f.row for f in second], finding_counts(reference, batch.id)) == ([2, 3, 4], [5, 6], {"rejected": {"uscc_length": 5}})


def test_a_discarded_batch_leaves_no_file(reference: Session, tmp_path: Path) -> None:
    batch = check(reference, tmp_path, HEAD + ONE)

    discard(reference, batch.id, data_dir=tmp_path)

    assert (batch.state, list((tmp_path / "imports").iterdir())) == ("discarded", [])


KILLED = """
import sys, time
from pathlib import Path
from sqlalchemy.orm import Session
from crm.core.clock import now
from crm.core.db import make_engine
import crm.schema, crm.imports.operations as operations
from crm.imports.writing.journal import Journal
url, folder, batch = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
def hang(self, session):
    print("written", flush=True)
    time.sleep(60)
Journal.store = hang
with Session(make_engine(url)) as session:
    operations.apply(session, batch, by=None, at=now(), data_dir=folder)
"""


def test_a_worker_killed_while_writing_leaves_nothing_half_done(reference: Session, tmp_path: Path) -> None:
    batch_id = check(reference, tmp_path, HEAD + ONE).id
    url = reference.get_bind().url.render_as_string(hide_password=False)
    worker = subprocess.Popen([sys.executable, "-c", KILLED, url, str(tmp_path), str(batch_id)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    assert worker.stdout.readline() == b"written\n"

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    reference.expire_all()
    _wait_for_locks(reference)
    seen = (reference.scalar(select(func.count()).select_from(Enterprise)), reference.get(ImportBatch, batch_id).state)
    apply(reference, batch_id, by=None, at=LATER, data_dir=tmp_path)
    assert (seen, reference.scalar(select(func.count()).select_from(Enterprise))) == ((0, "checked"), 1)


def _wait_for_locks(session: Session) -> None:
    """PostgreSQL notices a dead client when it next talks to it."""
    if session.get_bind().dialect.name == "postgresql":
        session.rollback()
        session.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'idle in transaction'"))
        session.commit()
        time.sleep(0.2)


def test_two_workers_cannot_both_apply_a_batch(reference: Session, tmp_path: Path) -> None:
    batch = check(reference, tmp_path, HEAD + ONE)
    reference.execute(text("UPDATE import_batch SET state = 'applied'"))

    with pytest.raises(NotReady):
        apply(reference, batch.id, by=None, at=LATER, data_dir=tmp_path)


def test_the_journal_names_every_row_written(reference: Session, firms: list[int], bring: Callable[..., ImportBatch]) -> None:
    batch = bring(FIGURES + f"{CODES[0]},2024,1\n{CODES[1]},2024,3\n")

    journal = reference.execute(select(ImportChange.row, ImportChange.table, ImportChange.row_id, ImportChange.action).where(ImportChange.batch_id == batch.id).order_by(ImportChange.id)).all()

    assert journal == [(2 + i, "filing", key, "insert") for i, key in enumerate(reference.scalars(select(Filing.id).order_by(Filing.id)))]


def test_a_known_firm_outside_the_jurisdiction_is_not_changed(reference: Session, firms: list[int], tmp_path: Path) -> None:
    quzhou = Access(1, "manager", frozenset({"manager"}), ("330800",))

    batch = check(reference, tmp_path, HEAD + ONE.replace("台州市温岭市泽国镇", "衢州市衢江区廿里镇"), access=quzhou)

    assert reasons(reference, batch) == [(2, "rejected", "outside")]


def test_a_user_of_a_zone_may_bring_in_its_firms(reference: Session, tmp_path: Path) -> None:
    bay = Access(1, "officer", frozenset({"officer"}), (), ("331000-F01",))

    batch = check(reference, tmp_path, HEAD + ONE.replace("温岭市泽国镇", "台州湾新区聚祥路"), access=bay)

    assert counts(batch) == {"rows": 1, "new": 1}
