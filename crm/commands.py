"""The commands of the house itself: up, serve, prepare, db. The rest live with their domains and are listed in run.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from hashlib import sha256
from pathlib import Path

import click

from crm.config import ROOT, ConfigurationError, Settings
from crm.core import clock, migrate
from crm.core.db import make_engine

RUN = [sys.executable, str(ROOT / "run.py")]


def settings() -> Settings:
    """The environment's, or a clear refusal."""
    try:
        return Settings.from_env()
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.option("--port", type=int, help="Port to listen on (default: CRM_PORT or 8080).")
def serve(port: int | None) -> None:
    """Serve the pages (gunicorn, CRM_WEB_WORKERS processes)."""
    from crm.server import Server

    given = settings()
    Server(given, port or given.port).run()


@click.command()
@click.option("--demo/--no-demo", default=True, help="On an empty database: make a demo city and three users.")
def prepare(*, demo: bool) -> None:
    """Migrate, write roles and reference data; on an empty database make the demo. Safe to repeat."""
    from crm.prepare import columns, is_fresh, make_demo, migrate_and_seed

    app = migrate_and_seed(settings(), click.echo)
    if demo and is_fresh(app):
        accounts = make_demo(app, clock.today(), "small", click.echo)
        click.echo("\n  三个示例账号（密码只显示这一次，首次登录后请修改）：\n" + columns(accounts) + "\n")


@click.command()
@click.option("--demo/--no-demo", default=True, help="On an empty database: make a demo city and three users.")
def up(*, demo: bool) -> None:
    """Everything: prepare, then web and worker together until Ctrl-C."""
    given = settings()
    stamp = Stamp(given)
    if not stamp.holds():
        faces = subprocess.Popen([*RUN, "report", "fonts"], stdout=subprocess.DEVNULL)  # meanwhile, on the other core
        subprocess.run([*RUN, "prepare", "--demo" if demo else "--no-demo"], check=True)
        if faces.wait():
            raise click.ClickException("字体没有准备好，打印走访记录会失败。请看上面的错误。")
        stamp.write()
    children = [subprocess.Popen([*RUN, name], start_new_session=True) for name in ("serve", "worker")]
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        _wait_ready(given, children)
        click.echo(f"\n  企阶已启动： {given.base_url}\n  按 Ctrl-C 停止\n")
        while all(child.poll() is None for child in children):
            time.sleep(0.5)
        raise click.ClickException("有一个进程意外退出，已全部停止。详情见上面的输出。")
    except KeyboardInterrupt:
        click.echo("正在停止…")
    finally:
        _stop(children)


class Stamp:
    """What was prepared, and with which code: a second start need not look again. Any changed file or database undoes it."""

    def __init__(self, given: Settings) -> None:
        self.path = given.data_dir / "prepared"
        self.sqlite = Path(given.url.removeprefix("sqlite:///")) if given.url.startswith("sqlite") else None
        files = sorted(p for folder in ("crm", "seeds", "migrations") for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".csv", ".json"})
        state = [given.url, *(f"{p.relative_to(ROOT)} {p.stat().st_mtime_ns} {p.stat().st_size}" for p in files)]
        self.digest = sha256("\n".join(state).encode()).hexdigest()

    def holds(self) -> bool:
        """Whether this code has prepared this database."""
        made = self.path.read_text() if self.path.exists() else ""
        return made == self.digest and (self.sqlite is None or self.sqlite.exists())

    def write(self) -> None:
        """Remember."""
        self.path.write_text(self.digest)


def _wait_ready(given: Settings, children: list[subprocess.Popen[bytes]]) -> None:
    for _ in range(300):
        if any(child.poll() is not None for child in children):
            raise click.ClickException(f"没有启动成功：端口 {given.port} 可能被占用，可用 CRM_PORT 换一个。")
        try:
            with urllib.request.urlopen(f"http://{given.host}:{given.port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise click.ClickException("30 秒内没有启动成功。")


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + 10
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Migrate to the newest schema, then write roles, permissions and reference data."""
    from crm.prepare import migrate_and_seed

    migrate_and_seed(settings(), click.echo)
    click.echo(f"schema {migrate.head()}")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def check(*, as_json: bool) -> None:
    """Compare the database with the models; exit 1 when they differ."""
    import crm.schema

    engine = make_engine(settings().url)
    found = [str(item) for item in migrate.drift(engine, crm.schema.metadata)]
    state = {"head": migrate.head(), "current": migrate.current(engine), "differences": found}
    click.echo(json.dumps(state, ensure_ascii=False) if as_json else "\n".join([f"at {state['current']}, head {state['head']}", *found]))
    if found or state["head"] != state["current"]:
        raise SystemExit(1)


@db.command()
@click.argument("message")
def revise(message: str) -> None:
    """Write a new migration from the difference between models and database (developers)."""
    import crm.schema  # noqa: F401

    migrate.revise(make_engine(settings().url), message)


commands = [serve, prepare, up, db]
