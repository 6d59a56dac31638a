"""From an empty folder to a usable instance: migrate, roles, regions, industries, a demo city with four users."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import func, select

from crm.core import migrate
from crm.core.db import make_engine, transaction
from crm.security.bootstrap import write_permissions
from crm.security.users import add_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from flask import Flask
    from sqlalchemy.orm import Session

    from crm.config import Settings

DEMO_USERS = (
    ("officer", "助企干部", "林助", "331081"),
    ("manager", "分管科长", "周科", "331000"),
    ("administrator", "系统管理员", "管理员", "331000"),
    ("department", "责任单位", "人社小王", ""),
)
"""(role and user name, title, name, jurisdiction): the officer is 温岭's, the next two see the whole of 台州, the last what is given to its unit."""


def migrate_and_seed(settings: Settings, say: Callable[[str], None]) -> Flask:
    """Bring the database up to date and return the application on it. Safe to repeat."""
    from crm.app import create_app
    from seeds import load_reference

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.url)
    if migrate.upgrade(engine):
        say("数据库已就绪")
    app = create_app(settings, engine)
    with app.app_context(), transaction(app.extensions["crm_sessions"]) as session:
        write_permissions(session, app.appbuilder.baseviews)  # type: ignore[attr-defined]
        load_reference(session)
    return app


def is_fresh(app: Flask) -> bool:
    """Whether nobody can sign in yet."""
    with app.app_context(), transaction(app.extensions["crm_sessions"]) as session:
        return not session.scalar(select(func.count()).select_from(User))


def make_demo(app: Flask, on: date, scale: str, say: Callable[[str], None]) -> list[tuple[str, str]]:
    """A synthetic city and its users. Returns (user name, password): shown once, stored nowhere."""
    from seeds.demo import build_city

    say("正在生成示例城市（企业均为虚构）…")
    settings = app.extensions["crm_settings"]
    with app.app_context(), transaction(app.extensions["crm_sessions"]) as session:
        accounts = [(row[0], _make_user(session, *row)) for row in DEMO_USERS]
        session.flush()
        build_city(session, scale, on, data_dir=settings.data_dir, settings=settings)
    return accounts


def _make_user(session: Session, username: str, title: str, name: str, region: str) -> str:
    password = "-".join(secrets.token_hex(2) for _ in range(3)) + "-Qj"
    add_user(session, username, name, password, role=username, regions=[region] if region else [], title=title)
    return password


def columns(rows: Iterable[tuple[str, str]]) -> str:
    """Two aligned columns for a terminal."""
    return "\n".join(f"    {name:<15} {password}" for name, password in rows)
