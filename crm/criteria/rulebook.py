"""A pack's rules in words, and the JSON Schema of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.core.errors import NotFound
from crm.criteria.packs import REGISTER
from crm.criteria.prospects import WORDS, turns
from crm.criteria.schema import BASIS_LABELS, FILES, FOLDERS, STATUS_LABELS

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.packs import Pack
    from crm.criteria.program import Branch, Criterion, Program
    from crm.criteria.schema import Sourced

_KINDS = {"all": "全部满足", "any": "满足其一", "none": "一票否决（均不得有）"}


def rule_lines(pack: Pack, item: str | None, on: date) -> list[str]:
    """One item's rule on a day, condition by condition with its source; without an item, the list of items."""
    program = pack.program(on)
    if item is None:
        head = f"{pack.name}（{pack.id}）{on}  sha256:{pack.hash[:12]}  {len(program.items)} 项，{len(program.criteria)} 条条件"
        return [head, *(f"  {i.key}  {i.label}{'' if i.tree or i.key == REGISTER else '（无现行规定）'}" for i in program.items)]
    found = program.by_key[item]
    if found.tree is None:
        return [f"{found.label}：{on} 无现行规定"]
    lines = [f"{found.label}（{item}）{on}  {_source(program, found.source)}", *_branch(program, found.tree, 1)]
    for scale in program.scales:
        if scale.whole and any(scale.id in str(leaf.term) for leaf in found.tree.leaves):
            lines.append(f"  评分 {scale.label}（满分 {scale.max // 100}）")
            lines += [f"    {s.label}  {s.max / 100:g} 分" for s in scale.items]
    return lines


def _branch(program: Program, branch: Branch, depth: int) -> list[str]:
    if branch.criterion is not None:
        return ["  " * depth + _leaf(program, branch.criterion)]
    word = _KINDS.get(branch.kind, f"至少满足 {branch.n} 项")
    lines = ["  " * depth + (f"{branch.label}：{word}" if branch.label else word)]
    return lines + [line for child in branch.of for line in _branch(program, child, depth + 1)]


def _leaf(program: Program, leaf: Criterion) -> str:
    gone = "" if leaf.in_force else "［无现行规定］"
    when, why = turns(leaf, program, program.pack)
    told = "" if leaf.veto or not leaf.in_force else f"　→ {why or WORDS[when]}"
    return f"{leaf.label}  ‹{leaf.id}›  {_source(program, leaf.source)}{gone}{told}"


def _source(program: Program, source: Sourced) -> str:
    document = program.pack.documents.get(source.document or "")
    parts = [document.number or document.title if document else "", source.clause or ""]
    current = document.status_on(program.on) if document else "in_force"
    status = "" if current == "in_force" else STATUS_LABELS[current]
    marks = "".join(f"［{m}］" for m in (status, BASIS_LABELS.get(source.basis or "", "")) if m)
    quote = f"“{source.quote}”" if source.quote else ""
    return " ".join(p for p in (*parts, quote) if p) + marks


def schema_of(file: str | None) -> dict[str, Any]:
    """JSON Schema of one file ('titles', 'pack.yaml') or, without a name, of all by file name."""
    models = {name.removesuffix(".yaml"): model for name, model in FILES.items()} | FOLDERS
    if file is None:
        return {name: model.model_json_schema() for name, model in models.items()}
    model = models.get(file.removesuffix(".yaml"))
    if model is None:
        raise NotFound(f"没有文件 {file!r}；可用：{', '.join(sorted(models))}")
    return model.model_json_schema()
