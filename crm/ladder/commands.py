"""`run.py pack diff | whatif | coverage | replay`: what changes between two versions, what a change would do, what of a text is used, past decisions again."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from sqlalchemy import select

from crm.config import Settings
from crm.core.db import make_engine, make_sessions, transaction
from crm.core.errors import CrmError, NotFound
from crm.criteria.commands import Day, load, pack
from crm.criteria.coverage import coverage as coverage_of
from crm.criteria.differences import differences
from crm.criteria.engine import evaluate
from crm.criteria.facts import facts_frame as frame_of_file
from crm.criteria.facts import read_facts
from crm.criteria.loading import load_packs
from crm.criteria.models import PackVersion
from crm.criteria.packs import Pack
from crm.criteria.terms import Column
from crm.criteria.whatif import Impact, impact, overlay
from crm.enterprises.models import Enterprise
from crm.ladder.facts import facts_frame as frame_of_database
from crm.ladder.past import firm_of
from crm.ladder.past import replay as replayed
from crm.regions.models import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from sqlalchemy.orm import Session

    from crm.ladder.past import Decision

REGION = Column("identity", "region")
SIZE_LABELS = {"micro": "微型", "small": "小型", "medium": "中型", "large": "大型", "unknown": "划型不明"}
STATE_LABELS = {"met": "符合", "unmet": "未达", "unknown": "缺数据", "not_in_force": "无现行规定", "not_applicable": "不适用", None: "（无）"}
_SHOWN = 20  # firms named per item
_HASH = re.compile(r"[0-9a-f]{6,64}")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except CrmError as error:
        raise click.ClickException(error.message) from None  # exit code 1


def _session() -> Any:
    return transaction(make_sessions(make_engine(Settings.from_env().url)))


def _write(document: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def _pack(reference: str) -> tuple[Pack, date | None]:
    """'taizhou', 'taizhou@2026-03-31', a packs folder's 'old/plugins/taizhou', or the first characters of a stored version's hash."""
    name, _, day = reference.partition("@")
    on = date.fromisoformat(day) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) else None
    if day and on is None:
        raise click.BadParameter(f"{day!r} 不是日期，应如 taizhou@2026-06-01")
    if "/" in name:
        path = Path(name)
        return load_packs(path.parent, [path.name])[path.name], on
    if not (Settings.from_env().packs_dir / name).is_dir() and _HASH.fullmatch(name):
        with _session() as session:
            documents = session.scalars(select(PackVersion.document).where(PackVersion.hash.startswith(name)).limit(2)).all()
        if len(documents) != 1:
            raise NotFound(f"数据库里{'没有' if not documents else '不止一个'}以 {name} 开头的规则包版本")
        return Pack.from_document(documents[0]), on
    return load(name), on


@pack.command()
@click.argument("before")
@click.argument("after")
@click.option("--facts", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="事实文件：再列出哪些企业的结论因此不同")
@click.option("--as-of", "on", type=Day(), help="评价日，配合 --facts；两边写了 @日期 时不用")
@click.option("--json", "as_json", is_flag=True)
def diff(before: str, after: str, facts: Path | None, on: date | None, *, as_json: bool) -> None:
    """两个版本（或同一规则包的两天）有什么不同，逐条用文字说明。

    BEFORE、AFTER 写 taizhou、taizhou@2026-03-31、另一份文件夹 旧版/plugins/taizhou，或用过的版本的哈希开头。
    """
    with _refusals():
        (old, first), (new, second) = _pack(before), _pack(after)
        if (first is None) != (second is None):
            raise click.UsageError("两边要么都写 @日期，要么都不写")
        found = differences(old, new, (first, second) if first and second else None)
        touched = None
        if facts is not None:
            days = (first or on, second or on)
            if days[0] is None or days[1] is None:
                raise click.UsageError("用 --facts 时要写 --as-of，或在两边写 @日期")
            touched, firms = _from_file(facts, old, new, (days[0], days[1]))
    if as_json:
        _write({"before": {"pack": old.id, "hash": old.hash, "on": first}, "after": {"pack": new.id, "hash": new.hash, "on": second},
                "differences": [d.as_dict() for d in found], **({"impact": _as_dict(new, touched, firms, {})} if touched else {})})
        return
    click.echo("\n".join([f"{len(found)} 处不同" if found else "没有不同", *(f"  {d.text}" for d in found), *(_lines(new, touched, firms, {}) if touched else [])]))


@pack.command()
@click.argument("name")
@click.option("--set", "changes", multiple=True, required=True, metavar="参数或条件=新值", help="如 step_up.line=1500万元；可写多次。条件写整句表达式")
@click.option("--as-of", "on", required=True, type=Day(), help="评价日")
@click.option("--facts", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="事实文件")
@click.option("--database", is_flag=True, help="用数据库里的全部企业")
@click.option("--json", "as_json", is_flag=True)
def whatif(name: str, changes: tuple[str, ...], on: date, facts: Path | None, *, database: bool, as_json: bool) -> None:
    """改一个参数或条件试算：谁进入、谁退出、谁的结论变了，按县（市、区）和规模。什么都不写入。"""
    if (facts is None) == (not database):
        raise click.UsageError("写 --facts 文件 或 --database，二者取一")
    if wrong := [c for c in changes if "=" not in c]:
        raise click.UsageError(f"--set 写成 参数=新值：{wrong[0]}")
    with _refusals():
        one = load(name)
        other = overlay(one, {k.strip(): v.strip() for k, _, v in (c.partition("=") for c in changes)}, on)
        counties: dict[str, str] = {}
        if facts is not None:
            found, firms = _from_file(facts, one, other, (on, on))
        else:
            with _session() as session:
                found, firms, counties = _from_database(session, one, other, on)
    if as_json:
        _write({"pack": one.id, "as_of": on, "changes": [d.as_dict() for d in differences(one, other)], **_as_dict(one, found, firms, counties)})
        return
    click.echo("\n".join([*(d.text for d in differences(one, other)), *_lines(one, found, firms, counties)]))


@pack.command()
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="也列出已用的条款")
@click.option("--json", "as_json", is_flag=True)
def coverage(name: str, *, everything: bool, as_json: bool) -> None:
    """文件的哪些条款已写成条件、参数、目标、任务或奖补，哪些还没有。"""
    found = coverage_of(load(name))
    if as_json:
        _write([document.as_dict() for document in found])
        return
    click.echo("\n".join(line for document in found for line in document.lines(everything=everything)) or f"{name} 的文件没有列出条款（sources.yaml 的 clauses）。")


Firms = dict[int, str]


def _from_file(path: Path, one: Pack, other: Pack, days: tuple[date, date]) -> tuple[Impact, Firms]:
    firms = read_facts(path.read_bytes(), one)
    frames = (frame_of_file(firms, p, on, [REGION]) for p, on in zip((one, other), days, strict=True))
    before, after = (evaluate(p, frame, on) for p, frame, on in zip((one, other), frames, days, strict=True))
    return impact(before, after), {i: firm.name or firm.uscc or f"第{i + 1}家" for i, firm in enumerate(firms)}


def _from_database(session: Session, one: Pack, other: Pack, on: date) -> tuple[Impact, Firms, dict[str, str]]:
    wanted = {REGION, *one.program(on).columns, *other.program(on).columns}
    frame: pl.DataFrame = frame_of_database(session, wanted, on)
    if one.region is not None:
        frame = frame.filter(frame["region"].str.starts_with(one.region.rstrip("0")))
    found = impact(evaluate(one, frame, on), evaluate(other, frame, on))
    shown = found.moves.group_by("item", maintain_order=True).head(_SHOWN)["row"].unique().to_list()
    ids = {row: frame["enterprise_id"][row] for row in shown}
    names = dict(session.execute(select(Enterprise.id, Enterprise.name).where(Enterprise.id.in_(set(ids.values())))).tuples().all())
    counties = dict(session.execute(select(Region.code, Region.name).where(Region.code.in_(found.moves["region"].drop_nulls().unique().to_list()))).tuples().all())
    return found, {row: names[firm] for row, firm in ids.items()}, counties


def _as_dict(one: Pack, found: Impact, firms: Firms, counties: dict[str, str]) -> dict[str, Any]:
    by_region, by_size = (found.counts(by).to_dicts() for by in ("region", "size"))
    items = []
    for total in found.counts().to_dicts():
        key = total["item"]
        moves = found.moves.filter(found.moves["item"] == key).head(_SHOWN)
        items.append({
            **total, "label": one.label(key),
            "by_region": [{**_without_item(r), "name": counties.get(r["region"])} for r in by_region if r["item"] == key],
            "by_size": [_without_item(r) for r in by_size if r["item"] == key],
            "firms": [{"name": firms.get(m["row"]), "before": m["before"], "after": m["after"]} for m in moves.to_dicts()],
        })
    return {"firms": found.firms, "touched": found.touched, "items": items}


def _without_item(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != "item"}


def _lines(one: Pack, found: Impact, firms: Firms, counties: dict[str, str]) -> list[str]:
    made = [f"{found.firms:,} 家企业，{found.touched:,} 家有变化"]
    for item in _as_dict(one, found, firms, counties)["items"]:
        made.append(f"{item['label']}（{item['item']}）：新符合 {item['enters']:,}，不再符合 {item['leaves']:,}，其他变化 {item['other']:,}")
        made += [f"    {r['name'] or r['region'] or '地区不明'}：＋{r['enters']:,} －{r['leaves']:,} ～{r['other']:,}" for r in item["by_region"]]
        made.append("    " + "　".join(f"{SIZE_LABELS[r['size']]} ＋{r['enters']:,} －{r['leaves']:,} ～{r['other']:,}" for r in item["by_size"]))
        made += [f"      {f['name']}：{STATE_LABELS[f['before']]} → {STATE_LABELS[f['after']]}" for f in item["firms"]]
    return made


@pack.command()
@click.argument("uscc", metavar="统一社会信用代码")
@click.option("--json", "as_json", is_flag=True)
def replay(uscc: str, *, as_json: bool) -> None:
    """用当时的规则包版本和当时登记的数据，把一家企业过去的结论和变动再算一遍，逐项核对。

    有不一致就以退出码 1 结束。当日结论用保存的依据数据；结论变化和层级变动用当时已登记的数据。
    """
    with _refusals(), _session() as session:
        firm = firm_of(session, uscc)
        found = replayed(session, firm.id)
        name = firm.name
    if as_json:
        _write({"uscc": uscc, "name": name, "decisions": [{**asdict(d), "same": d.is_same} for d in found]})
    else:
        click.echo("\n".join([f"{name}：{len(found)} 项，{sum(d.is_same for d in found)} 项一致", *(_decision(d) for d in found)]))
    if any(d.again is not None and not d.is_same for d in found):
        raise SystemExit(1)


def _decision(made: Decision) -> str:
    kind = {"verdict": "结论", "transition": "变化", "move": "变动"}[made.kind]
    result = f"无法再算：{made.why}" if made.again is None else "一致" if made.is_same else f"不一致：当时 {made.told}，再算 {made.again}"
    return f"  {made.on}  {kind}  {made.what}  {result}  规则包 {made.pack_hash[:12]}"


commands: list[click.Command] = [pack]
