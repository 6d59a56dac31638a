"""`run.py import`: a spreadsheet in from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click
import orjson
from sqlalchemy import select

import crm.schema  # noqa: F401  # every table, so that an undo finds what was built on a row
from crm.config import Settings
from crm.core.clock import now
from crm.core.db import make_engine, make_sessions, transaction
from crm.core.errors import CrmError
from crm.criteria.loading import load_packs
from crm.imports.fields import KIND_FIELDS
from crm.imports.models import KINDS
from crm.imports.operations import import_file, undo
from crm.imports.queries import findings
from crm.imports.reasons import REASONS
from crm.regions.models import Region
from crm.security import audit
from crm.security.commands import OPERATOR

if TYPE_CHECKING:
    from crm.imports.models import ImportBatch

EXAMPLE = """
\b
MAP is a JSON file: {"columns": {"营收": {"field": "revenue", "unit": "万元"}, "备注": null},
                     "period": "2024", "form": "ytd", "region": "331081", "aliases": {"002126": "9133…"}}
Columns it does not name are guessed. Fields: run.py import --fields.
"""


def _list_fields(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    for kind, fields in KIND_FIELDS.items():
        click.echo(f"{kind}  {KINDS[kind]}")
        for field in fields:
            click.echo(f"  {field.name:<24}{field.label}")
    context.exit()


@click.command("import", epilog=EXAMPLE)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", type=click.Choice(sorted(KINDS)), help="What the rows are; guessed from the heads when left out.")
@click.option("--map", "map_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON: columns and settings that overrule the guess.")
@click.option("--unit", help="Unit of money no column says itself: 元, 千元, 万元, 亿元.")
@click.option("--period", help="Period no column says: 2024, 2025-09.")
@click.option("--region", help="Division all firms lie in, for addresses that leave it out: 331081.")
@click.option("--dry-run", is_flag=True, help="Check only; the report is kept, nothing is imported.")
@click.option("--undo", "undo_id", type=int, help="Take batch UNDO out again instead of importing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--fields", is_flag=True, is_eager=True, expose_value=False, callback=_list_fields, help="List kinds and fields.")
def import_command(
    file: Path | None, kind: str | None, map_file: Path | None, unit: str | None, period: str | None, region: str | None, *, dry_run: bool,
    undo_id: int | None, as_json: bool,
) -> None:
    """Import FILE (XLSX, XLS, CSV): check every row, write the good ones, give the others back as a file."""
    if (file is None) == (undo_id is None):
        raise click.UsageError("give a FILE, or --undo and the number of a batch")
    settings = Settings.from_env()
    given = _given(map_file, unit=unit, period=period, region=region)
    started, packs = perf_counter(), load_packs(settings.packs_dir, list(settings.packs), settings.packs_cache)
    try:
        with transaction(make_sessions(make_engine(settings.url))) as session:
            if session.scalar(select(Region.code).limit(1)) is None:
                raise CrmError("数据库还没有准备好，请先运行 run.py prepare。")  # noqa: TRY301
            session.info["access"] = OPERATOR
            if file is not None:
                bar = None if as_json else _progress
                batch = import_file(session, file, kind=kind, given=given, by=None, at=now(), data_dir=settings.data_dir, write=not dry_run, progress=bar,
                                    rules=lambda code: packs.for_region(code).cases)
            else:
                batch = undo(session, undo_id or 0, by=None, at=now())
            audit.record(session, OPERATOR, _act(batch), "import_batch", batch.id, file=batch.file_name, digest=batch.sha256, counts=batch.counts)
            answer = _answer(batch, settings.data_dir, perf_counter() - started)
            answer["rejected_rows"] = [{k: getattr(f, k) for k in ("row", "column", "value", "reason", "message")} for f in findings(session, batch.id, "rejected", limit=20)]
    except CrmError as error:
        _refuse(error, as_json=as_json)
    answer["seconds"] = round(perf_counter() - started, 3)
    _show(answer, as_json=as_json)


def _act(batch: ImportBatch) -> str:
    """The trail's word for what was done."""
    return f"import.{batch.state}"  # applied, undone, or checked only


def _given(map_file: Path | None, **settings: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if map_file is not None:
        try:
            given = orjson.loads(map_file.read_bytes())
        except orjson.JSONDecodeError as error:
            raise click.BadParameter(f"{map_file} is no JSON: {error}", param_hint="--map") from error
        if not isinstance(given, dict):
            raise click.BadParameter("the file must hold one JSON object", param_hint="--map")
        if given and "columns" not in given and not set(given) & {"period", "form", "source", "unit", "region", "aliases"}:
            given = {"columns": given}  # the short form: head -> field
    return given | {name: value for name, value in settings.items() if value}


def _answer(batch: ImportBatch, data_dir: Path, seconds: float) -> dict[str, Any]:
    return {
        "batch": batch.id, "kind": batch.kind, "state": batch.state, **(batch.counts or {}), "seconds": round(seconds, 3), "reasons": batch.reasons or {},
        "rejected_file": str(data_dir / batch.rejected_path) if batch.rejected_path else None,
    }


def _refuse(error: CrmError, *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"error": error.message, "details": {k: str(v) for k, v in error.details.items()}}).decode())
    else:
        click.echo(error.message, err=True)
    sys.exit(1)


def _show(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
        return
    names = {"rows": "行", "new": "新增", "changed": "变更", "same": "相同", "duplicate": "重复", "rejected": "退回"}
    click.echo(f"批次 {answer['batch']}（{KINDS[answer['kind']]}）：" + "，".join(f"{label} {answer[key]:,}" for key, label in names.items() if key in answer))
    for reason, count in answer["reasons"].items():
        click.echo(f"  {count:>8,}  {REASONS[reason]}（{reason}）")
    for row in answer["rejected_rows"]:
        click.echo(f"  第 {row['row']} 行  {row['message']}")
    if answer["rejected_file"]:
        click.echo(f"退回的行：{answer['rejected_file']}")
    click.echo(f"{answer['seconds']} 秒，{'已写入' if answer['state'] == 'applied' else '未写入' if answer['state'] == 'checked' else '已撤销'}")


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r检查 {done:,} / {total:,}", nl=done >= total, err=True)


commands: list[click.Command] = [import_command]
