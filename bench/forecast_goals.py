"""The figures the forecast is held to, beside what was measured: python -m bench.forecast --panel FILE.csv.gz --goals [--json]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.forecast_scores import Scores

GOALS = {
    "3": {"f1": 0.54, "brier": 0.105, "median_error": 10.4, "p90_error": 42.0}, "6": {"f1": 0.69, "brier": 0.080, "median_error": 7.1, "p90_error": 30.0},
    "9": {"f1": 0.78, "brier": 0.058, "median_error": 4.5, "p90_error": 20.0},
}
POINTS, WRONG = 0.05, 0.10
"""No decile further off than so much; of the firms red in the first quarter no more wrong."""


def goals(panel: dict[str, dict[str, dict[str, Scores]]], cities: dict[str, dict[str, dict[str, dict[str, Scores]]]]) -> list[dict[str, Any]]:
    """One row per goal: where, data to which month, which figure, the goal, what was measured, whether it is reached. Cities by name."""
    rows = [row for month, wanted in GOALS.items() for row in _drop(month, wanted, panel[month]["drop"])]
    rows += [row for month in GOALS for row in _better("panel", month, panel[month]["line"])]
    rows += [_deciles("panel", month, panel[month]["drop"]["model"]) for month in GOALS]
    for name, city in cities.items():
        for month in GOALS:
            rows += [*_better(name, month, city[month]["below_2000wan"]), _deciles(name, month, city[month]["below_2000wan"]["model"])]
    rows += [_together(month, [city[month]["below_2000wan"]["model"] for city in cities.values()]) for month in GOALS]
    return [*rows, _red("panel", [panel["3"]["drop"]["model"]]), _red("cities", [city["3"]["below_2000wan"]["model"] for city in cities.values()])]


def line(row: dict[str, Any]) -> str:
    """One row for reading."""
    return f"{'ok ' if row['reached'] else 'NOT'} {row['where']:<24} to month {row['month']}  {row['figure']:<34} goal {row['goal']:<22} measured {row['measured']}"


def _row(where: str, month: str, figure: str, goal: str, measured: Any, *, reached: bool) -> dict[str, Any]:
    return {"where": where, "month": month, "figure": figure, "goal": goal, "measured": measured, "reached": bool(reached)}


def _drop(month: str, wanted: dict[str, float], methods: dict[str, Scores]) -> list[dict[str, Any]]:
    found = methods["model"]
    return [
        _row("panel", month, f"drop: {name}", f"{'>=' if name == 'f1' else '<='} {limit}", getattr(found, name), reached=getattr(found, name) >= limit if name == "f1" else getattr(found, name) <= limit)
        for name, limit in wanted.items()
    ]


def _better(where: str, month: str, methods: dict[str, Scores]) -> list[dict[str, Any]]:
    """Better than the best simple method; those may choose the best of three ways to decide afterwards."""
    simple = [one for name, one in methods.items() if name not in {"model", "stored"}]
    f1, brier, found = max(one.f1_best for one in simple), min(one.brier for one in simple), methods["model"]
    return [
        _row(where, month, "line: F1 against best simple", f"> {f1}", found.f1, reached=found.f1 > f1),
        _row(where, month, "line: Brier against best simple", f"< {brier}", found.brier, reached=found.brier < brier),
    ]


def _deciles(where: str, month: str, found: Scores) -> dict[str, Any]:
    told = f"worst {100 * found.worst:.0f} points; {found.outside} of {len(found.deciles)} beyond 5 ({found.outside_by_chance} by luck)"
    return _row(where, month, "deciles of at least 50 firms", f"<= {100 * POINTS:.0f} points", told, reached=found.outside == 0)


def _together(month: str, found: list[Scores]) -> dict[str, Any]:
    """The deciles of all cities as one: enough firms in each that luck moves them little."""
    parts: dict[int, list[tuple[float, float, int]]] = {}
    for said, seen, count in (one for scores in found for one in scores.deciles):
        parts.setdefault(int(said * 10), []).append((said, seen, count))
    off = [abs(sum((said - seen) * count for said, seen, count in part)) / sum(count for _, _, count in part) for _, part in sorted(parts.items())]
    told = f"worst {100 * max(off):.1f} points; {sum(one > POINTS for one in off)} of {len(off)} beyond 5"
    return _row("all cities", month, "deciles of at least 50 firms", f"<= {100 * POINTS:.0f} points", told, reached=max(off) <= POINTS)


def _red(where: str, found: list[Scores]) -> dict[str, Any]:
    red, wrong = sum(one.red for one in found), sum(one.red_wrong for one in found)
    return _row(where, "3", "red in the first quarter and wrong", f"<= {100 * WRONG:.0f} %", f"{wrong} of {red}", reached=wrong <= WRONG * red)
