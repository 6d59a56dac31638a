"""`run.py import` as a program reads it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.core.db import make_engine
from crm.imports.commands import commands
from crm.schema import metadata
from crm.security.models import AuditEntry
from tests.regions.some import load_some

from .conftest import CODES
from .test_registrations import HEAD, ONE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """run("登记.csv", "--json") on a fresh instance; files are made from texts."""
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("CRM_DATABASE_URL", raising=False)
    engine = make_engine(f"sqlite:///{tmp_path / 'qijie.db'}")
    metadata.create_all(engine)
    with Session(engine) as session:
        load_some(session)
        session.commit()
    (tmp_path / "登记.csv").write_text(HEAD + ONE)
    (tmp_path / "数据.csv").write_text(f"代码,年份,营收\n{CODES[1]},2024,2650\n")
    (tmp_path / "对应.json").write_text('{"columns": {"代码": "uscc", "年份": "period", "营收": {"field": "revenue", "unit": "万元"}}}')

    def _run(*arguments: str) -> Result:
        return CliRunner().invoke(commands[0], [str(tmp_path / a) if "." in a and not a.startswith("-") else a for a in arguments])

    return _run


def document(result: Result) -> dict[str, Any]:
    return orjson.loads(result.stdout)


def trail(folder: Path) -> list[tuple[str, str, str | None]]:
    """(actor, action, batch) of what the trail says about imports, in order."""
    with Session(make_engine(f"sqlite:///{folder / 'qijie.db'}")) as session:
        query = select(AuditEntry.actor, AuditEntry.action, AuditEntry.subject_id).where(AuditEntry.action.like("import.%"))
        return [tuple(row) for row in session.execute(query.order_by(AuditEntry.id))]


def test_it_answers_with_counts_and_reasons(run: Callable[..., Result]) -> None:
    answer = document(run("登记.csv", "--kind", "registrations", "--json"))

    assert {k: answer[k] for k in ("rows", "new", "changed", "same", "duplicate", "rejected", "reasons", "state")} == {
        "rows": 1, "new": 1, "changed": 0, "same": 0, "duplicate": 0, "rejected": 0, "reasons": {}, "state": "applied"
    }


def test_a_dry_run_leaves_the_next_one_everything_to_do(run: Callable[..., Result]) -> None:
    run("登记.csv", "--dry-run")

    assert document(run("登记.csv", "--json"))["new"] == 1


def test_a_map_names_columns_and_units(run: Callable[..., Result]) -> None:
    run("登记.csv")

    assert document(run("数据.csv", "--kind", "annual", "--map", "对应.json", "--json"))["new"] == 1


def test_an_import_is_undone_by_its_number(run: Callable[..., Result]) -> None:
    number = document(run("登记.csv", "--json"))["batch"]

    run("--undo", str(number))

    assert document(run("登记.csv", "--json"))["new"] == 1


def test_an_import_on_the_server_stands_in_the_trail(run: Callable[..., Result], tmp_path: Path) -> None:
    number = document(run("登记.csv", "--json"))["batch"]

    run("--undo", str(number))

    assert trail(tmp_path) == [("run.py", "import.applied", str(number)), ("run.py", "import.undone", str(number))]


def test_an_import_that_is_refused_leaves_no_trace_of_one(run: Callable[..., Result], tmp_path: Path) -> None:
    run("--undo", "7")

    assert trail(tmp_path) == []


def test_a_refusal_is_one_json_document_and_exit_1(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "宏观.csv").write_text("指标,2024年1月,2024年2月\n工业增加值,1,2\n出口总值,3,4\n")

    refused = run("宏观.csv", "--json")

    assert (refused.exit_code, "没有企业列" in document(refused)["error"]) == (1, True)


def test_no_file_is_wrong_use(run: Callable[..., Result]) -> None:
    assert run().exit_code == 2


def test_the_command_alone_knows_every_table_an_undo_must_look_at() -> None:
    """In the tests everything is imported already; on a server the command is not."""
    asked = "import crm.imports.commands\nfrom crm.core.db import metadata\nprint({'visit', 'case_file', 'alert_link'} <= {t.name for t in metadata.sorted_tables})"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "True\n"
