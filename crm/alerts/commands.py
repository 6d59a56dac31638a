"""run.py forecast: the end of the year for every firm of a facts file. Needs no database."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
import polars as pl

from crm.alerts.forecasting import forecast as forecast_year
from crm.alerts.forecasting.facts import MAIN, frames
from crm.alerts.forecasting.outlook import METHODS, NOTES
from crm.alerts.inputs import lines
from crm.config import Settings
from crm.core.errors import CrmError
from crm.core.money import human
from crm.criteria.commands import Day, load
from crm.criteria.engine import evaluate
from crm.criteria.facts import facts_frame, read_facts
from crm.criteria.terms import columns as term_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from crm.alerts.forecasting import Outlook
    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack
    from crm.criteria.program import RunItem

LINES = "line."
"""Items of a pack that are revenue lines (一亿, 十亿 …)."""
DECEMBER = 12


@click.command("forecast")
@click.option("--as-of", "on", required=True, type=Day(), help="推算日，如 2025-10-20；只用该日之前已结束月份的数")
@click.option("--facts", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="事实文件（JSON，见 docs/packs.md）")
@click.option("--pack", "name", help="规则包（默认：CRM_PACKS 的第一个）；入库起点和营收台阶从中取")
@click.option("--threshold", "extra", type=click.IntRange(min=1), multiple=True, help="另要判断的金额，元；可多次给出")
@click.option("--json", "as_json", is_flag=True, help="标准输出只有一个 JSON 文档")
def forecast(on: date, path: Path, name: str | None, extra: tuple[int, ...], *, as_json: bool) -> None:
    """推算事实文件里每家企业的全年营收：低、中、高（中间80%），低于各条线的概率，其余各月月均需完成多少。不需要数据库。"""
    pack = load(name or Settings.from_env().packs[0])
    try:
        firms = read_facts(path.read_bytes(), pack)
        answers = list(_answers(firms, pack, on, extra))
    except CrmError as error:
        raise _refused(error) from None
    if as_json:
        sys.stdout.buffer.write(orjson.dumps({"as_of": on, "pack": pack.id, "results": answers}, option=orjson.OPT_INDENT_2) + b"\n")
        return
    for firm, answer in zip(firms, answers, strict=True):
        click.echo("\n".join(_text(firm, answer)))


def _refused(error: CrmError) -> click.ClickException:
    refusal = click.ClickException(error.message)
    refusal.exit_code = 1
    return refusal


def _answers(firms: list[Enterprise], pack: Pack, on: date, extra: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """The contract's objects, in the order of the file."""
    evaluation = evaluate(pack, facts_frame(firms, pack, on), on)
    register = evaluation.program.register
    test = evaluation.frame["#register"].cast(pl.Int64).replace(-1, None).to_list() if "#register" in evaluation.frame.columns else [None] * len(firms)
    own, asks = lines(register), [_asks_main(item) for item in register]
    steps = {line for line in lines(item for item in evaluation.program.items if item.key.startswith(LINES)) if line}
    cumulative, totals, about, months = frames(firms, [at is not None and asks[at] for at in test], on)
    outlook = forecast_year(cumulative, totals, about, on, months=months)
    wanted = [sorted({*steps, *extra, *([line] if at is not None and (line := own[at]) else [])}) for at in test]
    chances, needs = _by_line(outlook, wanted)
    for row, seen in enumerate(outlook.frame().iter_rows(named=True)):
        yield _answer(firms[row], seen | {"falls_from": outlook.falls_from[row]}, chances[row], needs[row], on) | {"notes": [NOTES[key] for key in outlook.notes[row]]}


def _asks_main(item: RunItem) -> bool:
    return any(column.key == MAIN for leaf in (item.tree.leaves if item.tree else ()) for column in term_columns(leaf.term))


def _by_line(outlook: Outlook, wanted: Sequence[Sequence[int]]) -> tuple[list[dict[str, float]], list[dict[str, int | None]]]:
    """For every firm its lines: the probability of ending below, and the monthly average that is needed."""
    chances: list[dict[str, float]] = [{} for _ in wanted]
    needs: list[dict[str, int | None]] = [{} for _ in wanted]
    for line in sorted({line for one in wanted for line in one}):
        chance, need = outlook.probability_below(line), outlook.needed_per_month(line)
        for row, asked in enumerate(wanted):
            if line in asked:
                chances[row][str(line)] = round(float(chance[row]), 4)
                needs[row][str(line)] = None if math.isnan(need[row]) else int(need[row])
    return chances, needs


def _answer(firm: Enterprise, seen: dict[str, Any], chances: dict[str, float], needs: dict[str, int | None], on: date) -> dict[str, Any]:
    if seen["month"] is None:
        return {"uscc": firm.uscc, "state": "unknown", "forecast": None, "probability_below": {}, "data_to": None, "needed_per_month": {}}
    below = seen["below_last_year"]
    return {
        "uscc": firm.uscc, "state": "ok", "forecast": {key: seen[key] for key in ("low", "mid", "high")}, "probability_below": chances, "falls_below": {line: bool(chance >= seen["falls_from"]) for line, chance in chances.items()},
        "probability_below_last_year": {} if below is None else {"0.9": round(below, 4)},
        "data_to": f"{on.year}-{seen['month']:02d}", "so_far": seen["so_far"], "method": seen["method"], "needed_per_month": needs,
    }


def _text(firm: Enterprise, answer: dict[str, Any]) -> list[str]:
    """One firm for reading in a terminal."""
    said = [f"\n{firm.name or firm.uscc or '（未命名）'}"]
    if answer["state"] == "unknown":
        return [*said, "  本年没有可用的数，无法推算；请补报本年累计营收"]
    low, mid, high = (human(answer["forecast"][key]) for key in ("low", "mid", "high"))
    said.append(f"  全年预计 {mid}（八成把握在 {low} 到 {high} 之间）　数据到 {answer['data_to']}，{METHODS[answer['method']]}")
    for line, chance in answer["probability_below"].items():
        need = answer["needed_per_month"][line]
        tail = "已达到" if answer["so_far"] >= int(line) else "全年已结束" if need is None else f"其余各月月均需 {human(need)}"
        said.append(f"  低于 {human(int(line))} 的概率 {chance:.0%}　{tail}")
    return [*said, *(f"  ※ {note}" for note in answer["notes"])]


commands: list[click.Command] = [forecast]
