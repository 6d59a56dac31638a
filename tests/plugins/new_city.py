"""What docs/packs.md tells a statistician to type and edit for a new city, done literally: `pack new`, then four edits of YAML."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from click.testing import CliRunner

from crm.ladder.commands import pack
from tests.plugins.conftest import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

EDITS = {
    "sources.yaml": [("number: null                # 文号，如 湖政办发〔2026〕1号", "number: 川政办发〔2026〕1号"), ("川城市企业梯度培育方案（请改成真实文件名）", "川城市星火培育行动方案"), ("status: draft", "status: in_force")],
    "parameters/local.yaml": [("value: 1500万元", "value: 1200万元")],
    "ladder.yaml": [("label: 川城市培育库", "label: 星火培育库")],
    "targets.yaml": [("value: 100家", "value: 120家")],
}
EXAMPLE = ("revenue: 15000000, revenue_main: 15000000", "revenue: 12000000, revenue_main: 12000000")


def found_city(folder: Path) -> Path:
    """A copy of the shipped packs with 川城市 added for the division 331000; the folder of packs."""
    packs = folder / "plugins"
    shutil.copytree(FOLDER, packs, ignore=shutil.ignore_patterns("__pycache__"))
    typed("new", "chuancheng", "--extends", "zhejiang", "--title", "川城市", "--region", "331000", packs=packs)
    for name, changes in {**EDITS, "examples/first.yaml": [EXAMPLE]}.items():
        path = packs / "chuancheng" / name
        text = path.read_text("utf-8")
        for before, after in changes:
            assert before in text, f"{name}: {before}"
            text = text.replace(before, after)
        path.write_text(text, "utf-8")
    return packs


def typed(*words: str, packs: Path) -> str:
    """`run.py pack …` on a folder of packs; what it prints."""
    said = CliRunner(env={"CRM_PACKS_DIR": str(packs), "CRM_DATA_DIR": str(packs.parent / "var")}).invoke(pack, list(words))
    assert said.exit_code == 0, said.output
    return said.output
