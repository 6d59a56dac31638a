"""The commands of the house itself: up, serve, prepare, db. The rest live with their domains and are listed in run.py."""

from __future__ import annotations

import json
import time

import click

from crm.config import Settings
from crm.instance import NotPossible, Processes, Stamp, check_folder, check_port

# What needs the database is imported where it is used: `up` itself needs nothing but the standard library.


def settings() -> Settings:
    """The environment's, on a folder that can be written; or a clear refusal."""
    given = Settings.from_env()
    check_folder(given.data_dir)
    return given


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (default: CRM_PORT or 8080).")
def serve(port: int | None) -> None:
    """Serve the pages (gunicorn, CRM_WEB_WORKERS processes)."""
    from crm.server import Server

    given = settings()
    check_port(given.host, port or given.port)
    Server(given, port or given.port).run()


@click.command()
@click.option("--demo/--no-demo", default=True, help="On an empty database: make a demo city and four users.")
def prepare(*, demo: bool) -> None:
    """Migrate, write roles and reference data; on an empty database make the demo. Safe to repeat."""
    from crm.core import clock
    from crm.prepare import columns, is_fresh, make_demo, migrate_and_seed

    app = migrate_and_seed(settings(), click.echo)
    if demo and is_fresh(app):
        accounts = make_demo(app, clock.today(), "small", click.echo)
        click.echo("\n  四个示例账号（密码只显示这一次，首次登录后请修改）：\n" + columns(accounts) + "\n")


@click.command()
@click.option("--demo/--no-demo", default=True, help="On an empty database: make a demo city and four users.")
def up(*, demo: bool) -> None:
    """Everything: prepare, then web and worker together until Ctrl-C."""
    given = settings()
    check_port(given.host, given.port)
    processes = Processes()
    try:
        _make_ready(given, processes, demo=demo)
        for name in ("serve", "worker"):
            processes.start(name)
        processes.wait_until_ready(given)
        click.echo(f"\n  企阶已启动： {given.base_url}\n  按 Ctrl-C 停止\n")
        while processes.all_run():
            time.sleep(0.5)
        raise NotPossible("有一个进程意外退出，已全部停止。详情见上面的输出。")
    except KeyboardInterrupt:
        click.echo("\n正在停止…")
    finally:
        processes.stop()


def _make_ready(given: Settings, processes: Processes, *, demo: bool) -> None:
    """Schema, reference data, demo and the record's fonts, each in its own process; nothing when this code did it before."""
    stamp = Stamp(given)
    if stamp.holds():
        return
    faces = processes.start("report", "fonts", quiet=True)  # meanwhile, on the other core
    ready = processes.start("prepare", "--demo" if demo else "--no-demo")
    if not processes.finish(ready):
        raise NotPossible("数据库没有准备好，原因见上面的输出。改好后再运行一次即可，不会重复生成。")
    if not processes.finish(faces):
        raise NotPossible("字体没有准备好，打印走访记录会失败。请看上面的错误。")
    stamp.write()


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Migrate to the newest schema, then write roles, permissions and reference data."""
    from crm.core import migrate
    from crm.prepare import migrate_and_seed

    migrate_and_seed(settings(), click.echo)
    click.echo(f"schema {migrate.head()}")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def check(*, as_json: bool) -> None:
    """Compare the database with the models; exit 1 when they differ."""
    import crm.schema
    from crm.core import migrate
    from crm.core.db import make_engine

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
    from crm.core import migrate
    from crm.core.db import make_engine

    migrate.revise(make_engine(settings().url), message)


commands = [serve, prepare, up, db]
