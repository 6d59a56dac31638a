"""run.py user … and run.py audit …"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from sqlalchemy import select
from sqlalchemy.orm import configure_mappers, selectinload

from crm.config import ConfigurationError, Settings
from crm.core.clock import now
from crm.core.db import make_engine, make_sessions, transaction
from crm.core.errors import CrmError
from crm.security import audit
from crm.security.access import Access
from crm.security.models import ROLES, User, UserProfile, UserRegion
from crm.security.passwords import random_password, set_password
from crm.security.users import add_user, find_user, set_active, set_regions, unlock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from sqlalchemy.orm import Session

OPERATOR = Access(None, "run.py", frozenset({"system"}))


@contextmanager
def _session() -> Iterator[Session]:
    """A committed session as the operator of the machine; refusals become messages."""
    try:
        settings = Settings.from_env()
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    configure_mappers()  # User.roles is a back reference, there only once every mapper is ready
    try:
        with transaction(make_sessions(make_engine(settings.url))) as session:
            session.info["access"] = OPERATOR
            yield session
    except CrmError as error:
        raise click.ClickException(error.message) from None


def _ask_or_make(given: str | None) -> tuple[str, bool]:
    """(password, whether it was made up). '-' asks for it without showing it."""
    if given == "-":
        return click.prompt("密码", hide_input=True, confirmation_prompt="再填一遍"), False
    return random_password(), True


@click.group()
def user() -> None:
    """Users: add, password, regions, list, unlock, on, off."""


@user.command()
@click.argument("username")
@click.option("--name", required=True, help="姓名。")
@click.option("--role", required=True, type=click.Choice(list(ROLES)), help="角色。")
@click.option("--region", "regions", multiple=True, help="区划或功能区代码；可以写多次，其下全部包括在内。")
@click.option("--title", help="职务。")
@click.option("--unit", help="单位。")
@click.option("--password", metavar="-", help="写 - 则提示输入；不写则生成一个并显示一次。")
def add(username: str, name: str, role: str, regions: tuple[str, ...], title: str | None, unit: str | None, password: str | None) -> None:
    """Add a user; the first password must be changed at the first sign-in."""
    secret, made = _ask_or_make(password)
    with _session() as session:
        add_user(session, username, name, secret, role=role, regions=regions, title=title, unit=unit, must_change=True, at=now())
    click.echo(f"已新建用户 {username}（{ROLES[role]}）。" + (f"\n初始密码：{secret}　只显示这一次，首次登录必须修改。" if made else ""))
    if not regions:
        click.echo("还没有辖区，看不到任何企业：run.py user regions " + username + " 331081 …")


@user.command()
@click.argument("username")
@click.option("--password", metavar="-", help="写 - 则提示输入；不写则生成一个并显示一次。")
def password(username: str, password: str | None) -> None:
    """Give a user a new first password; every session of theirs ends, a lock opens."""
    secret, made = _ask_or_make(password)
    with _session() as session:
        found = find_user(session, username)
        set_password(session, found, secret, now(), must_change=True)
        unlock(session, found)
        audit.record(session, OPERATOR, "password_reset", "user", found.id)
    click.echo(f"{username} 的密码已重置，现有登录全部退出。" + (f"\n新密码：{secret}　只显示这一次。" if made else ""))


@user.command()
@click.argument("username")
@click.argument("codes", nargs=-1)
def regions(username: str, codes: tuple[str, ...]) -> None:
    """Replace a user's jurisdiction by these division or zone codes."""
    with _session() as session:
        set_regions(session, find_user(session, username), codes)
    click.echo(f"{username} 的辖区：{'、'.join(codes) or '无'}")


@user.command()
@click.argument("username")
def off(username: str) -> None:
    """Switch a user off; every session and token of theirs ends at once."""
    with _session() as session:
        set_active(session, find_user(session, username), active=False)
    click.echo(f"{username} 已停用。")


@user.command()
@click.argument("username")
def on(username: str) -> None:
    """Switch a user on again."""
    with _session() as session:
        set_active(session, find_user(session, username), active=True)
    click.echo(f"{username} 已启用。")


@user.command(name="unlock")
@click.argument("username")
def unlock_user(username: str) -> None:
    """Let a user locked out by wrong passwords try again."""
    with _session() as session:
        unlock(session, find_user(session, username))
        audit.record(session, OPERATOR, "sign_in_unlocked", "user", username)
    click.echo(f"{username} 可以重新登录了。")


@user.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_users(as_json: bool) -> None:
    """Users with role, jurisdiction and state."""
    with _session() as session:
        query = select(User, UserProfile).outerjoin(UserProfile, UserProfile.user_id == User.id).options(selectinload(User.roles)).order_by(User.id)
        codes: dict[int, list[str]] = {}
        for user_id, code in session.execute(select(UserRegion.user_id, UserRegion.code).order_by(UserRegion.code)):
            codes.setdefault(user_id, []).append(code)
        rows = [
            {
                "username": found.username, "name": found.get_full_name().strip(), "roles": [role.name for role in found.roles],
                "regions": codes.get(found.id, []), "active": bool(found.active), "must_change_password": bool(profile and profile.must_change_password),
            }
            for found, profile in session.execute(query)
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        state = "在用" if row["active"] else "停用"
        click.echo(f"{row['username']:<20} {state}  {'、'.join(ROLES.get(r, r) for r in row['roles'])}  {' '.join(row['regions']) or '无辖区'}  {row['name']}")


@click.group(name="audit")
def audit_group() -> None:
    """The audit trail: verify, export."""


@audit_group.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(as_json: bool) -> None:
    """Walk the whole chain; exit code 1 when an entry is missing, altered or unlinked."""
    with _session() as session:
        broken, (last, digest) = audit.verify(session), audit.head(session)
    if as_json:
        click.echo(json.dumps({"intact": broken is None, "entries": last, "head": digest, "broken_at": broken}))
    elif broken is None:
        click.echo(f"完整：{last} 条，末条摘要 {digest or '无'}。把它记在别处，日后可以证明到此为止没有被改过。")
    else:
        click.echo(f"从第 {broken} 条起对不上：它或它前面的一条被改过或删过。请保全数据库与备份，联系安全管理员。")
    raise SystemExit(0 if broken is None else 1)


@audit_group.command()
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="File (default: standard output).")
def export(output: TextIO) -> None:
    """Every entry as one JSON object a line, digests included; the export itself is recorded."""
    with _session() as session:
        count = 0
        for entry in audit.export(session):
            output.write(json.dumps(entry, ensure_ascii=False) + "\n")
            count += 1
        audit.record(session, OPERATOR, "audit_export", "audit", rows=count)
    click.echo(f"{count} 条", err=True)


commands = [user, audit_group]
