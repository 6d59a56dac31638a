"""`pack new`: a folder that loads at once, with a line of guidance in every file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crm.core.errors import Conflict, Invalid
from crm.criteria.loading import load_packs

if TYPE_CHECKING:
    from pathlib import Path

_FILES = {
    "pack.yaml": """\
contract: 1
id: {name}
name: {title}
extends: {parent}
{region}""",
    "sources.yaml": """\
# 本地依据文件：草案写 status: draft，正式文件写 in_force。每个数字都要能回到这里的一条。
documents:
  - id: {name}-plan
    number: null                # 文号，如 湖政办发〔2026〕1号
    title: {title}企业梯度培育方案（请改成真实文件名）
    status: draft
""",
    "ladder.yaml": """\
# 从上级继承位置、步骤和规上起点；这里只写本地多出来的。下面是一个可以改的培育库示例。
pools:
  - id: step_up.{name}_local
    step: step_up
    label: 本地重点培育（示例，系统默认）
    basis: default
    all:
      - {{id: {name}.pool_low, label: 上年营业收入不低于1500万元, test: revenue >= 1500万元}}
      - {{id: {name}.pool_high, label: 上年营业收入低于2000万元, test: revenue < 2000万元}}
""",
    "visit.yaml": """\
unit_name: {title}助企服务专班
series: {title}助企
""",
    "examples/first.yaml": """\
# 懂政策的人写下的企业与应有结论；run.py pack check {name} 会逐个核对。
examples:
  - name: 营业收入1600万元进入本地培育库
    as_of: 2026-06-01
    why: 示例
    facts: {{year: {{"2025": {{revenue: 16000000}}}}, industry: "3441"}}
    expect:
      pools: {{step_up.{name}_local: met}}
  - name: 没有数据时不下结论
    as_of: 2026-06-01
    facts: {{industry: "3441"}}
    expect:
      pools: {{step_up.{name}_local: unknown}}
""",
    "README.md": """\
# {title}

修改记录：日期、影响的期间、影响的条件、依据。
""",
}


def create(folder: Path, name: str, parent: str, title: str = "", region: str = "") -> Path:
    """Write plugins/<name> extending `parent` and load it. Raises Conflict, Invalid, PackError; leaves nothing half-made."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Invalid(f"{name!r} 不能作规则包名：用小写字母、数字和下划线，字母开头", field="name")
    if region and not re.fullmatch(r"\d{6}", region):
        raise Invalid(f"{region!r} 不是六位行政区划代码", field="region")
    root = folder / name
    if root.exists():
        raise Conflict(f"文件夹 {root} 已存在；换一个名字，或直接修改它")
    load_packs(folder, [parent])
    values = {"name": name, "parent": parent, "title": title or name, "region": f'region: "{region}"\n' if region else ""}
    for local, text in _FILES.items():
        path = root / local
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**values), encoding="utf-8")
    load_packs(folder, [name])
    return root
