"""The command line of the criteria: `evaluate` and `pack check | new | explain | schema`. run.py collects `commands`."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from crm.config import Settings
from crm.core.db import make_engine, make_sessions, transaction
from crm.core.errors import CrmError
from crm.criteria import checks, scaffold
from crm.criteria.answer import answer
from crm.criteria.engine import evaluate as evaluate_frame
from crm.criteria.explain import STATE_LABELS, Explanation, explain_all
from crm.criteria.facts import facts_frame, read_facts
from crm.criteria.loading import load_packs
from crm.criteria.published import overlaid, standing
from crm.criteria.rulebook import rule_lines, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm.criteria.answer import Part
    from crm.criteria.engine import Evaluation
    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack
    from crm.criteria.terms import Column

parts: dict[str, Part] = {}
"""What higher layers add to each result of `evaluate` (alerts, awards …); see crm/alerts/evaluating.py."""
database: list[Callable[[Pack, str, date, date | None], tuple[list[Enterprise], Evaluation]]] = []
"""How a higher layer reads one firm of the database; see crm/alerts/evaluating.py."""
more_columns: list[Column] = []
"""Fact columns those additions read beside the pack's own."""


class Day(click.ParamType):  # type: ignore[type-arg]  # generic in the stubs, not at run time
    """A calendar day, 2026-06-01."""

    name = "日期"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Refuse anything else."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007  (a day has no zone)
        except ValueError:
            self.fail(f"{value!r} 不是日期，应如 2026-06-01", param, ctx)


def load(name: str) -> Pack:
    """A pack of the configured folder by name; refused with exit code 1 and the problems on standard error."""
    settings = Settings.from_env()
    try:
        return load_packs(settings.packs_dir, [name], settings.packs_cache)[name]
    except CrmError as error:
        raise _refused(error) from None


def _refused(error: CrmError) -> click.ClickException:
    return click.ClickException(error.message)  # exit code 1


@click.command()
@click.option("--pack", "pack_name", required=True, help="规则包，如 taizhou")
@click.option("--as-of", "on", required=True, type=Day(), help="评价日，如 2025-10-20；上年 = 该日的上一个公历年")
@click.option("--facts", "facts_path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="事实文件（JSON，见 docs/packs.md），不需要数据库")
@click.option("--enterprise", "uscc", metavar="统一社会信用代码", help="改用数据库里的一家企业")
@click.option("--known-on", type=Day(), help="配合 --enterprise：只用到这一天为止登记的数据，并用当时使用的规则包版本")
@click.option("--json", "as_json", is_flag=True, help="标准输出只有一个 JSON 文档")
def evaluate(pack_name: str, on: date, facts_path: Path | None, uscc: str | None, known_on: date | None, *, as_json: bool) -> None:
    """按规则包评价企业，逐条给出结论、差距和依据：事实文件里的，或数据库里的一家（可以按过去某一天的数据）。"""
    if (facts_path is None) == (uscc is None):
        raise click.UsageError("写 --facts 文件 或 --enterprise 统一社会信用代码，二者取一")
    if known_on is not None and uscc is None:
        raise click.UsageError("--known-on 只和 --enterprise 一起用：事实文件里没有登记时间")
    pack = load(pack_name)
    try:
        if facts_path is not None:
            firms = read_facts(facts_path.read_bytes(), pack)
            evaluation = evaluate_frame(pack, facts_frame(firms, pack, on, more_columns), on)
        else:
            firms, evaluation = database[0](pack, str(uscc), on, known_on)
            pack = evaluation.pack
        explanations = explain_all(evaluation)
        more = {name: part(evaluation, firms) for name, part in parts.items()} if facts_path is not None else {}
    except CrmError as error:
        raise _refused(error) from None
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(answer(pack, on, firms, explanations, more), option=orjson.OPT_INDENT_2) + b"\n")
        return
    for firm, seen in zip(firms, explanations, strict=True):
        click.echo(f"\n{firm.name or firm.uscc or '（未命名）'}  {on}")
        for line in text_lines(seen):
            click.echo(line)


def text_lines(seen: Explanation) -> list[str]:
    """One firm for reading in a terminal."""
    size = {"micro": "微型", "small": "小型", "medium": "中型", "large": "大型", "unknown": "划型缺数据", None: "不划型"}[seen.size_class]
    lines = [f"  位置 {seen.pack.label(seen.tier)}  {size}  规上起点：{STATE_LABELS[seen.register_state]}"]
    lines += [f"  ※ {n.text}" for n in seen.notes]
    lines += [f"  {step.label}：{step.text}" for step in seen.steps if step.text]
    lines += [f"  ○ 入池：{v.label}" for v in seen.pools if v.state == "met"]
    for view in seen.titles:
        if view.state == "not_in_force":
            continue
        lines.append(f"  {view.label}：{STATE_LABELS[view.state]}　{view.text if view.state != 'met' else ''}".rstrip("　"))
        for c in view.criteria:
            seen_text = " ".join(t for t in (c.actual, c.required and f"要求{c.required}", c.gap and f"差{c.gap}") if t)
            marks = "".join(f"［{label}］" for label in c.source.labels)
            lines.append(f"     {STATE_LABELS[c.state]:　<4}{c.label}　{seen_text}　{c.source.text}{marks}")
    if seen.asks:
        lines.append(f"  要问企业：{'；'.join(seen.asks)}")
    return lines


@click.group()
def pack() -> None:
    """规则包：检查、新建、说明、编辑器格式。"""


@pack.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True)
def check(name: str | None, *, as_json: bool) -> None:
    """运行规则包的示例，并在每个门槛的下方、恰好、上方和缺数据处各试一次。"""
    settings = Settings.from_env()
    names = [name] if name else sorted(p.parent.name for p in settings.packs_dir.glob("*/pack.yaml"))
    reports = [checks.run(load(one), settings.packs_dir, checks.More(parts, more_columns)) for one in names]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps([r.as_dict() for r in reports], option=orjson.OPT_INDENT_2) + b"\n")
    else:
        for report in reports:
            click.echo("\n".join(report.lines()))
    if any(report.failures for report in reports):
        raise SystemExit(1)


@pack.command()
@click.argument("name")
@click.option("--extends", "parent", default="zhejiang", show_default=True, help="上级规则包")
@click.option("--title", default="", help="中文名，如 湖州市")
@click.option("--region", default="", help="六位行政区划代码，如 330500")
def new(name: str, parent: str, title: str, region: str) -> None:
    """新建一个立即可用的规则包文件夹：pack new huzhou --extends zhejiang。"""
    settings = Settings.from_env()
    try:
        made = scaffold.create(settings.packs_dir, name, parent, title, region)
    except CrmError as error:
        raise _refused(error) from None
    click.echo(
        f"已建 {made}，并已通过加载。四处要改：① sources.yaml 文件和条款 ② parameters/local.yaml 数字 ③ ladder.yaml 培育库 ④ targets.yaml 目标；\n"
        f"改一处就运行 run.py pack check {name}。网页上看：CRM_PACKS={name} make run（与别的城市并用：CRM_PACKS=taizhou,{name}）。步骤见 docs/packs.md“三十分钟一个城市”。"
    )


@pack.command()
@click.argument("name")
@click.argument("item", required=False)
@click.option("--as-of", "on", type=Day(), required=True, help="哪一天的规则")
@click.option("--published", is_flag=True, help="连同在系统里发布的数（读数据库）")
def explain(name: str, item: str | None, on: date, *, published: bool) -> None:
    """把一项规则连同依据写成文字；不给条目则列出全部条目。"""
    one = load(name)
    if published:
        with transaction(make_sessions(make_engine(Settings.from_env().url))) as session:
            one = overlaid(one, [change for change in standing(session) if change.pack in one.book.chain])
    if item is not None and item not in one.items:
        raise _refused(CrmError(f"{name} 没有条目 {item!r}；可用：{', '.join(one.items)}"))
    click.echo("\n".join(rule_lines(one, item, on)))


@pack.command()
@click.argument("file", required=False)
def schema(file: str | None) -> None:
    """规则包文件的 JSON Schema，供编辑器补全：pack schema titles。"""
    try:
        click.echo(orjson.dumps(schema_of(file), option=orjson.OPT_INDENT_2).decode())
    except CrmError as error:
        raise _refused(error) from None


commands: list[click.Command] = [evaluate, pack]
