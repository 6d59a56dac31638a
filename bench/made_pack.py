"""A pack of 40 criteria and 10 score bands, the size the engine's figures are compared at: written by code, loaded as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MEASURES = 14
TITLES = 10


def write(folder: Path) -> None:
    """Make `folder`/bench."""
    root = folder / "bench"
    (root / "titles").mkdir(parents=True)
    names = [f"m{i}" for i in range(MEASURES)]
    lines = "\n".join(f"  - {{id: {n}, label: 指标{n}, unit: 元, periods: [year]}}" for n in names)
    flags = "\n".join(f"  - {{id: f{i}, label: 事项{i}}}" for i in range(4))
    files = {
        "pack.yaml": "contract: 1\nid: bench\nname: 测速\n",
        "sources.yaml": "documents:\n  - {id: d, title: 测速, status: in_force}\n",
        "measures.yaml": f"measures:\n{lines}\nflags:\n{flags}\n",
        "ladder.yaml": "places:\n  - {id: small, label: 规下, glyph: 小}\n" + "\n".join(
            f"  - {{id: p{i}, label: 第{i}级, glyph: '{i}', requires: {{id: place.p{i}, label: 称号, test: met(t{i}), basis: default}}}}" for i in range(3)
        ) + "\n",
        "titles/all.yaml": "titles:\n" + "\n".join(_title(i, names) for i in range(TITLES)) + "\n",
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")


def _title(i: int, names: list[str]) -> str:
    """Four criteria: level, ratio, growth or window, yes/no or score."""
    a, b, c = (names[(3 * i + k) % MEASURES] for k in range(3))
    tests = [f"{a} >= {500 + 100 * i}万元", f"{b} / {a} >= 3%", f"yoy({c}) >= 5%" if i % 2 else f"each(2, {b} / {c}) >= 4%"]
    tests.append(f"score(t{i}.score) >= 60分" if i == 0 else f"flag(f{i % 4})" if i % 3 else f"mean(2, {c}) > {300 + 50 * i}万元")
    leaves = "\n".join(f'          - {{id: t{i}.c{k}, label: 条件{k}, test: "{test}"}}' for k, test in enumerate(tests))
    head = f"  - id: t{i}\n    label: 称号{i}\n    rules:\n      - purpose: award\n        from: 2020-01-01\n        to: null\n        document: d\n        basis: V-page\n        checked_on: 2026-11-22\n"
    score = _score(names) if i == 0 else ""
    return f"{head}        all:\n{leaves}\n{score}"


def _score(names: list[str]) -> str:
    items = "\n".join(
        f"                - {{label: 项{k}, max: 20, value: {names[k]}, bands: [{{at_least: {600 + 200 * k}万元, points: 20}}, {{at_least: {200 + 50 * k}万元, points: 10}}, {{else: true, points: 0}}]}}"
        for k in range(5)
    )
    return f"        score:\n          id: t0.score\n          label: 评分\n          max: 100\n          parts:\n            - id: t0.part\n              label: 全部\n              max: 100\n              items:\n{items}\n"
