"""Titles a firm is one criterion short of: which title, which criterion, how much is missing, and whether it can still turn this year.

One row, and so one alert, per firm: its titles stand in the reason, the nearest first. A figure that is not known is never
"short": the criterion is known to fail, the title is known to be refused for it, and all else is fulfilled or does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from crm.alerts.levels import level_of, named_for_levels
from crm.criteria.masks import sure_misses
from crm.criteria.prospects import WORDS, turns
from crm.ladder.reach import way
from crm.ladder.standing import STATES, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from crm.criteria.engine import Evaluation
    from crm.criteria.program import Branch, Criterion, RunItem
    from crm.criteria.schema import AlertRule

SUBJECT = "titles"
UNMET = STATES.index("unmet")
SHOWN = 5
"""Titles told of in one alert; the rest are counted."""
KINDS = {"now": "title_now", "next": "title_next"}
"""When a criterion can turn (crm.criteria.prospects) -> the input that says so. What never changes is no alert."""


def near_titles(evaluation: Evaluation, rule: AlertRule | None, seen: pl.DataFrame) -> pl.DataFrame:
    """`enterprise_id`, `level`, `text` and `titles` (JSON) of firms that go on, where a level of the rule is met. `seen`: crm.alerts.inputs, in the evaluation's order."""
    found = [part for item in _items(evaluation) for part in _short(evaluation, item, seen)] if rule is not None else []
    if rule is None or not found:
        return pl.DataFrame(schema={"enterprise_id": pl.Int64, "level": pl.String, "text": pl.String, "titles": pl.String})
    rows = pl.concat(found)
    rows = rows.with_columns(told=texts(evaluation, evaluation.frame[rows["place"].to_list()], rows["criterion"]))
    at = named_for_levels(rows).select(level_of(rule, evaluation.on).alias("at"))["at"].cast(pl.Int64)
    places = list(range(len(rule.levels)))
    named = rows.with_columns(
        at=at, level=at.replace_strict(places, [level.level for level in rule.levels], default=None, return_dtype=pl.String),
        text=at.replace_strict(places, [level.text for level in rule.levels], default=None, return_dtype=pl.String),
    )
    return _by_firm(evaluation, named.filter(pl.col("level").is_not_null() & (pl.col("level") != "green")))


def _items(evaluation: Evaluation) -> Iterator[RunItem]:
    """Titles with a rule on the day."""
    for item in evaluation.program.items:
        if item.key in evaluation.pack.titles and item.tree is not None:
            yield item


def _short(evaluation: Evaluation, item: RunItem, seen: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Firms that lack the item for one criterion alone, a frame per criterion: what the levels ask about each."""
    assert item.tree is not None
    frame, held = evaluation.frame, f"title.{item.key}"
    open_ = ~seen["stopped"] & (frame[f"s:{item.key}"] == UNMET).fill_null(value=False)
    if held in frame.columns:
        open_ = open_ & ~frame[held].fill_null(value=False)
    among = frame.with_columns(seen["enterprise_id"]).with_row_index("place").filter(open_)
    if among.is_empty():
        return
    vetoes = set(_vetoes(item.tree))
    for leaf, rows in sure_misses(item.tree, _reader(among)):
        when = turns(leaf, evaluation.program, evaluation.pack)[0]
        if when in KINDS and len(rows) and leaf.number not in vetoes:
            part, measured = among[rows.tolist()], way(leaf, evaluation.on)
            yield part.select(
                pl.col("place").cast(pl.Int64), enterprise_id="enterprise_id", title=pl.lit(item.key), criterion=pl.lit(leaf.number, pl.Int64), when=pl.lit(when),
                title_way=pl.lit(None, pl.Int64) if measured is None else measured, title_yes_no=pl.lit(measured is None), **{name: pl.lit(kind == when) for kind, name in KINDS.items()},
            )


def _vetoes(branch: Branch, *, within: bool = False) -> Iterator[int]:
    """Criteria of a 'none of these': an accident on record is nothing a visit can make good."""
    if branch.criterion is not None and within:
        yield branch.criterion.number
    for child in branch.of:
        yield from _vetoes(child, within=within or branch.kind == "none")


def _reader(frame: pl.DataFrame) -> Callable[..., NDArray[np.bool_]]:
    """Whether a criterion is known to fail, or not known, for each row of an evaluation's frame."""
    kept: dict[tuple[int, bool], NDArray[np.bool_]] = {}

    def read(number: int, *, unknown: bool) -> NDArray[np.bool_]:
        if (number, unknown) not in kept:
            column = frame[f"c{number}"]
            kept[number, unknown] = (column.is_null() if unknown else ~column.fill_null(value=True)).to_numpy()
        return kept[number, unknown]

    return read


def _by_firm(evaluation: Evaluation, rows: pl.DataFrame) -> pl.DataFrame:
    """One row per firm: its worst level, that level's text, its titles, each once by its nearest criterion."""
    criteria = evaluation.program.criteria
    ordered = rows.sort("at", pl.col("title_way").fill_null(-1), "title", "criterion", descending=[False, True, False, False]).unique(["enterprise_id", "title"], keep="first", maintain_order=True)
    made: dict[int, dict[str, Any]] = {}
    for row in ordered.iter_rows(named=True):
        firm = made.setdefault(row["enterprise_id"], {"level": row["level"], "text": row["text"], "titles": []})
        firm["titles"].append(_told(row, criteria[row["criterion"]], evaluation))
    return pl.DataFrame({
        "enterprise_id": list(made), "level": [one["level"] for one in made.values()], "text": [one["text"] for one in made.values()],
        "titles": [orjson.dumps(one["titles"]).decode() for one in made.values()],
    }, schema={"enterprise_id": pl.Int64, "level": pl.String, "text": pl.String, "titles": pl.String})


def _told(row: Mapping[str, Any], leaf: Criterion, evaluation: Evaluation) -> dict[str, Any]:
    """A title as the alert keeps it: plain data."""
    title = evaluation.pack.titles[row["title"]]
    when, why = turns(leaf, evaluation.program, evaluation.pack)
    return {"title": row["title"], "label": title.short or title.label, "criterion": leaf.id, "short": row["told"], "per_mille": row["title_way"], "when": when, "when_label": WORDS[when], "why": why}


def headline(titles: str) -> str:
    """'离专精特新中小企业只差 1 条：研发费用占比 差0.24个百分点（今年还能变）'."""
    told = orjson.loads(titles)
    first = told[0]
    tail = f"{first['short']}（{first['when_label']}）"
    if len(told) == 1:
        return f"离{first['label']}只差 1 条：{tail}"
    return f"离 {len(told)} 个称号各只差 1 条，最近的是{first['label']}：{tail}"
