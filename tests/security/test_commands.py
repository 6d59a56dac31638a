"""run.py user … and run.py audit …, as somebody at the machine uses them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.core.db import make_engine
from crm.regions.models import Region
from crm.schema import metadata
from crm.security import audit
from crm.security.commands import audit_group, user


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """An instance in a folder of its own; returns (run, engine)."""
    for name in ("CRM_DATABASE_URL", "CRM_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path))
    engine = make_engine(f"sqlite:///{tmp_path}/qijie.db")
    metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Role(name="officer"), Region(code="331081", name="温岭市", level="county")])
        session.commit()
    yield lambda group, *words: CliRunner().invoke(group, words), engine
    engine.dispose()


def test_a_user_is_added_with_a_password_shown_once(machine):
    run, _ = machine
    told = run(user, "add", "lin", "--name", "林助", "--role", "officer", "--region", "331081")
    assert (told.exit_code, "初始密码：" in told.output) == (0, True)
    assert json.loads(run(user, "list", "--json").output) == [
        {"username": "lin", "name": "林助", "roles": ["officer"], "regions": ["331081"], "active": True, "must_change_password": True}
    ]


@pytest.mark.parametrize(("words", "said"), [
    (("add", "lin", "--name", "林助", "--role", "officer", "--region", "999999"), "没有行政区划"),
    (("add", "坏 名", "--name", "x", "--role", "officer"), "用户名"),
    (("add", "lin", "--name", "x", "--role", "boss"), "boss"),
    (("password", "nobody"), "没有用户"),
    (("regions", "nobody", "331081"), "没有用户"),
])
def test_a_refusal_says_why_and_leaves_nothing_behind(machine, words, said):
    run, _ = machine
    told = run(user, *words)
    assert told.exit_code != 0
    assert said in told.output
    assert json.loads(run(user, "list", "--json").output) == []


def test_verify_exits_with_1_and_names_the_entry_once_somebody_changed_it(machine):
    run, engine = machine
    run(user, "add", "lin", "--name", "林助", "--role", "officer")
    assert run(audit_group, "verify").exit_code == 0
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_entry SET actor = 'x' WHERE id = 2"))
    told = run(audit_group, "verify", "--json")
    assert (told.exit_code, json.loads(told.output)["broken_at"]) == (1, 2)


def test_an_export_holds_every_entry_and_is_recorded_itself(machine):
    run, engine = machine
    run(user, "add", "lin", "--name", "林助", "--role", "officer")
    lines = [json.loads(line) for line in run(audit_group, "export").stdout.splitlines()]
    with Session(engine) as session:
        newest = audit.entries(session, limit=1)[0]
    assert (newest.action, newest.detail["rows"], newest.previous) == ("audit_export", len(lines), lines[-1]["digest"])
