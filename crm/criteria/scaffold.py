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
# 改①：本地依据文件。草案写 status: draft，正式文件写 in_force。每个数字都要能回到这里的一条；clauses 列出文件的条款，
# run.py pack coverage {name} 会说哪些条款已经用上、哪些还没有；不能计算的条款写 reason。
documents:
  - id: {name}-plan
    number: null                # 文号，如 湖政办发〔2026〕1号
    title: {title}企业梯度培育方案（请改成真实文件名）
    issuer: {title}人民政府办公室
    effective_from: 2026-01-01
    status: draft
    clauses:
      - {{id: "一（一）", text: "总体要求", reason: "总的提法，没有可计算的要求"}}
      - {{id: "二（一）1", text: "建立培育库"}}
      - {{id: "二（一）2", text: "培育目标"}}
""",
    "parameters/local.yaml": """\
# 改②：会随文件变的数字，带起始日和依据。以后数字变了，在 values 里加一行新的 from，不改旧的。
parameters:
  - id: {name}.pool.lower
    label: 培育库上年营业收入下限
    values: [{{from: 2026-01-01, value: 1500万元, document: {name}-plan, clause: 二（一）1, basis: M, checked_on: 2026-01-01}}]
""",
    "ladder.yaml": """\
# 改③：从上级继承位置、步骤和规上起点；这里只写本地多出来的。要改看板的分组或位置的名称，用 override（见 docs/packs.md）。
pools:
  - id: step_up.{name}_local
    step: step_up
    label: {title}培育库
    document: {name}-plan
    clause: 二（一）1
    basis: M                    # 核对原文后改成 V-page，并写 quote 原文
    checked_on: 2026-01-01
    all:
      - {{id: {name}.pool_out, label: 不在规上（限上）名录库, basis: default, test: not in_register()}}
      - {{id: {name}.pool_low, label: 上年营业收入下限, test: revenue >= param({name}.pool.lower)}}
      - {{id: {name}.pool_high, label: 未达入库起点, basis: default, test: not surely(register())}}
""",
    "targets.yaml": """\
# 改④：文件承诺的数，一个年份两处写法不同的都写上，并用 conflict 说明。
targets:
  - id: {name}.step_up
    label: 每年新增小升规企业
    unit: 家
    kind: yearly
    counts: above_size
    lead_unit: 市经信局
    checked_on: 2026-01-01
    values:
      - {{year: 2026, value: 100家, at_least: true, document: {name}-plan, clause: 二（一）2, basis: M}}
""",
    "visit.yaml": """\
unit_name: {title}助企服务专班
series: {title}助企
""",
    "examples/first.yaml": """\
# 懂政策的人写下的企业与应有结论；run.py pack check {name} 会逐个核对。
examples:
  - name: 不在库、营业收入恰在下限，进入培育库
    as_of: 2026-06-01
    why: 下限含本数；营收未达2000万元起点
    facts: {{industry: "3441", register: [], year: {{"2025": {{revenue: 15000000, revenue_main: 15000000}}}}}}
    expect:
      pools: {{step_up.{name}_local: met}}
  - name: 没有数据时不下结论
    as_of: 2026-06-01
    why: 缺数据不等于没有
    facts: {{industry: "3441", register: []}}
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
