"""A pack of 45 criteria and 15 score bands, the size the engine's figures are compared at: written by code, loaded as any other.

`TITLES` says its tests as data, so that bench.openfisca can put the same rules to another engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.indicators.models import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

NAMES = COLUMNS[:14]
FLAGS = tuple(f"f{i}" for i in range(4))
SCORE = tuple((NAMES[k], 600 + 200 * k, 200 + 50 * k) for k in range(5))
"""Items of t0's score: measure, 万元 for 20 points, 万元 for 10."""


def _tests(i: int) -> list[tuple[Any, ...]]:
    """Four criteria: level, ratio, growth or window, yes/no or mean or score."""
    a, b, c = (NAMES[(3 * i + k) % len(NAMES)] for k in range(3))
    last: tuple[Any, ...] = ("score", 60) if i == 0 else ("flag", FLAGS[i % 4]) if i % 3 else ("mean", c, 300 + 50 * i)
    return [("level", a, 500 + 100 * i), ("ratio", b, a, 3), ("growth", c, 5) if i % 2 else ("each", b, c, 4), last]


TITLES = {f"t{i}": _tests(i) for i in range(10)} | {"t10": [("ytd", NAMES[0], 300), ("ytd_growth", NAMES[0], 80)]}
_WORDS = {
    "level": "{0} >= {1}万元", "ratio": "{0} / {1} >= {2}%", "growth": "yoy({0}) >= {1}%", "each": "each(2, {0} / {1}) >= {2}%", "mean": "mean(2, {0}) > {1}万元",
    "flag": "flag({0})", "score": "score(t0.score) >= {0}分", "ytd": "ytd({0}) >= {1}万元", "ytd_growth": "ytd({0}) / ytd_prior({0}) >= {1}%",
}


def write(folder: Path) -> None:
    """Make `folder`/bench."""
    root = folder / "bench"
    (root / "titles").mkdir(parents=True)
    lines = "\n".join(f"  - {{id: {n}, label: 指标{i}, unit: 元, periods: [year{', month' if i == 0 else ''}]}}" for i, n in enumerate(NAMES))
    flags = "\n".join(f"  - {{id: {f}, label: 事项{f[1:]}}}" for f in FLAGS)
    files = {
        "pack.yaml": "contract: 1\nid: bench\nname: 测速\n",
        "sources.yaml": "documents:\n  - {id: d, title: 测速, status: in_force}\n",
        "measures.yaml": f"measures:\n{lines}\nflags:\n{flags}\n",
        "ladder.yaml": "places:\n  - {id: small, label: 规下, glyph: 小}\n" + "\n".join(
            f"  - {{id: p{i}, label: 第{i}级, glyph: '{i}', requires: {{id: place.p{i}, label: 称号, test: met(t{i}), basis: default}}}}" for i in range(3)
        ) + "\n",
        "titles/all.yaml": "titles:\n" + "\n".join(_title(name, tests) for name, tests in TITLES.items()) + "\n",
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")


def _title(name: str, tests: list[tuple[Any, ...]]) -> str:
    leaves = "\n".join(f'          - {{id: {name}.c{k}, label: 条件{k}, test: "{_WORDS[kind].format(*rest)}"}}' for k, (kind, *rest) in enumerate(tests))
    head = f"  - id: {name}\n    label: 称号{name[1:]}\n    rules:\n      - purpose: award\n        from: 2020-01-01\n        to: null\n        document: d\n        basis: V-page\n        checked_on: 2026-11-22\n"
    return f"{head}        all:\n{leaves}\n{_score() if name == 't0' else ''}"


def _score() -> str:
    items = "\n".join(
        f"                - {{label: 项{k}, max: 20, value: {name}, bands: [{{at_least: {high}万元, points: 20}}, {{at_least: {low}万元, points: 10}}, {{else: true, points: 0}}]}}"
        for k, (name, high, low) in enumerate(SCORE)
    )
    return f"        score:\n          id: t0.score\n          label: 评分\n          max: 100\n          parts:\n            - id: t0.part\n              label: 全部\n              max: 100\n              items:\n{items}\n"
