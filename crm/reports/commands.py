"""`run.py report`: a visit's record as PDF, and the faces it is set in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

import crm.schema  # noqa: F401  # every table, so that foreign keys resolve
from crm.config import ConfigurationError, Settings
from crm.core.db import make_engine
from crm.core.errors import CrmError
from crm.reports import fonts, operations, seal
from crm.reports.pool import RenderPool
from crm.visits.models import Visit


@click.group()
def report() -> None:
    """A visit's record as PDF; the faces it is set in."""


@report.command()
@click.argument("uuid")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False, writable=True), required=True, help="Where to write the PDF.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Data directory (default: CRM_DATA_DIR).")
@click.option("--json", "as_json", is_flag=True, help="Print pages, bytes and digest as JSON.")
def visit(uuid: str, output: Path, data_dir: Path | None, *, as_json: bool) -> None:
    """Write the record of the signed visit UUID."""
    settings = _settings(data_dir)
    with Session(make_engine(settings.url)) as session, RenderPool(settings.data_dir) as pool:
        found = session.scalar(select(Visit).where(Visit.uuid == uuid).options(selectinload(Visit.attachments)))
        if found is None:
            raise click.ClickException(f"没有走访 {uuid}。走访页地址的最后一段就是编号。")
        try:
            done = operations.draw(found, pool, settings.data_dir, settings.base_url, seal=seal.of(settings))
        except CrmError as error:
            raise click.ClickException(error.message) from None
    output.write_bytes(done.pdf)
    facts = {"number": found.number, "pages": done.pages, "bytes": len(done.pdf), "content_digest": found.digest, "file": str(output)}
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else f"{found.number}：{done.pages} 页，{len(done.pdf):,} 字节 → {output}")


@report.command("fonts")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Data directory (default: CRM_DATA_DIR).")
def make_fonts(data_dir: Path | None) -> None:
    """Make the faces of the record now (some 8 s, once) and say what they are."""
    settings = _settings(data_dir)
    try:
        made = fonts.ensure(settings.data_dir)
    except CrmError as error:
        raise click.ClickException(error.message) from None
    for path in made.files:
        click.echo(f"{path.stat().st_size:>12,}  {path}")
    click.echo("楷体：有" if made.has_kai else "楷体：没有，正文用宋体。装上霞鹜文楷（Debian: fonts-lxgw-wenkai）即自动启用。")


def _settings(data_dir: Path | None) -> Settings:
    try:
        settings = Settings.from_env()
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    return replace(settings, data_dir=data_dir) if data_dir else settings


commands = [report]
