"""`pack check`: the pack's own examples, and the generated cases of every threshold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm.core.errors import CrmError
from crm.criteria import boundaries, reading
from crm.criteria.engine import evaluate
from crm.criteria.errors import PackError
from crm.criteria.explain import Explanation, explain_all
from crm.criteria.facts import facts_frame, read_enterprise
from crm.criteria.schema import Example, Examples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crm.criteria.answer import Part
    from crm.criteria.engine import Evaluation
    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack
    from crm.criteria.terms import Column


@dataclass(frozen=True, slots=True)
class More:
    """What higher layers add to an evaluation (see crm.criteria.commands), and the columns they read."""

    parts: Mapping[str, Part]
    columns: list[Column]


@dataclass(slots=True)
class Report:
    """What was tried and what failed."""

    pack: str
    hash: str
    criteria: int = 0
    examples: int = 0
    days: int = 0
    cases: int = 0
    thresholds: int = 0
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {name: getattr(self, name) for name in ("pack", "hash", "criteria", "examples", "days", "thresholds", "cases", "failures")}

    def lines(self) -> list[str]:
        """For reading."""
        head = f"{self.pack}  {'通过' if not self.failures else f'{len(self.failures)} 处不符'}  示例 {self.examples} 个；{self.days} 组规则日、{self.thresholds} 个门槛、{self.cases} 个边界用例；当前条件 {self.criteria} 条"
        return [head, *(f"  ✗ {f}" for f in self.failures)]


def run(pack: Pack, folder: Path, more: More | None = None) -> Report:
    """Examples of the pack's own folder, and every threshold of every set of rules it has."""
    days = boundaries.rule_days(pack)
    report = Report(pack.id, pack.hash, len(pack.program(days[-1]).criteria), days=len(days))
    examples = read_examples(folder / pack.id)
    report.examples = len(examples)
    for day in sorted({e.as_of for e in examples}):
        report.failures += examine(pack, [e for e in examples if e.as_of == day], more)
    seen: set[tuple[str, str, object]] = set()
    for day in days:
        program = pack.program(day)
        fresh = [leaf for leaf in program.criteria if (leaf.item, leaf.id, leaf.term) not in seen]
        seen |= {(leaf.item, leaf.id, leaf.term) for leaf in fresh}
        tried = [case for case in boundaries.cases(program) if case.criterion in fresh]
        report.cases += len(tried)
        report.thresholds += len({case.criterion.number for case in tried})
        report.failures += boundaries.failures(program, tried)
    return report


def read_examples(root: Path) -> list[Example]:
    """The examples of a pack's folder. Raises PackError."""
    found: list[Example] = []
    problems = []
    for path in sorted((root / "examples").glob("*.yaml")):
        source = reading.read(path, f"{root.name}/examples/{path.name}")
        content = reading.validate(source, Examples)
        problems += source.problems
        found += content.examples if isinstance(content, Examples) else ()
    if problems:
        raise PackError(problems)
    return found


def examine(pack: Pack, examples: list[Example], more: More | None = None) -> list[str]:
    """What examples of one day expect and do not get. `more`: what higher layers add, asked where an example expects alerts."""
    firms, sound, troubles = [], [], []
    for example in examples:
        try:
            firms.append(read_enterprise(_plain(example.facts), pack))
            sound.append(example)
        except CrmError as error:
            troubles.append(f"示例“{example.name}”：{error.message}")
    if not sound:
        return troubles
    on = sound[0].as_of
    evaluation = evaluate(pack, facts_frame(firms, pack, on, more.columns if more else []), on)
    views = explain_all(evaluation)
    raised = _more("alerts", "rule", "level", evaluation, firms, more) if any(e.expect.alerts for e in sound) else [{} for _ in sound]
    claimed = _more("awards", "id", "state", evaluation, firms, more) if any(e.expect.awards for e in sound) else [{} for _ in sound]
    for example, seen, alerts, awards in zip(sound, views, raised, claimed, strict=True):
        compared = _compared(seen, example)
        compared += [(f"预警 {rule}", _but(level, got), got) for rule, level in example.expect.alerts.items() for got in [alerts.get(rule, "none")]]
        compared += [(f"奖补 {award}", state, awards.get(award, "none")) for award, state in example.expect.awards.items()]
        troubles += [f"示例“{example.name}”：{what} 应为 {want}，得到 {got}" for what, want, got in compared if want != got]
    return troubles


def _but(want: str, got: str) -> str:
    """'not red' is fulfilled by whatever else came out."""
    return got if want.startswith("not ") and got != want.removeprefix("not ") else want


def _more(part: str, key: str, value: str, evaluation: Evaluation, firms: list[Enterprise], more: More | None) -> list[dict[str, str]]:
    """By firm, what a higher layer says (alert rule -> level, award -> state). Where nobody judges that, the example cannot hold."""
    if more is None or part not in more.parts:
        raise CrmError(f"示例里写了 {part}，但这里没有装入判断它的部分；请用 run.py pack check")
    return [{entry[key]: entry[value] for entry in found} for found in more.parts[part](evaluation, firms)]


def _plain(data: Any) -> Any:
    """YAML's days and tuples as JSON has them."""
    if isinstance(data, dict):
        return {str(k): _plain(v) for k, v in data.items()}
    if isinstance(data, tuple | list):
        return [_plain(v) for v in data]
    return data.isoformat() if hasattr(data, "isoformat") else data


def _compared(seen: Explanation, example: Example) -> list[tuple[str, Any, Any]]:
    expect = example.expect
    made: list[tuple[str, Any, Any]] = []
    if expect.tier is not None:
        made.append(("tier", expect.tier, seen.tier))
    if expect.size_class is not None:
        made.append(("size_class", expect.size_class, seen.size_class or "none"))
    for key, state in (expect.register_ or {}).items():
        made.append((f"register {key}", state, seen.register_state if key in {"register", seen.register and seen.register.key} else "not_applicable"))
    for key, state in {**expect.pools, **expect.levels, **expect.titles}.items():
        made.append((key, state, seen.items[key].state if key in seen.items else "（没有这个条目）"))
    criteria = {c.id: c.state for v in reversed(seen.items.values()) for c in v.criteria if v.purpose != "review"}
    criteria |= {f"{v.key}:{c.id}": c.state for v in seen.items.values() for c in v.criteria}
    made += [(key, state, criteria.get(key, "（不适用或没有这个条件）")) for key, state in expect.criteria.items()]
    scores = {s.id: s.text.replace("–", "-") for v in seen.items.values() for s in v.scores}
    made += [(f"score {key}", text.replace("–", "-"), scores.get(key)) for key, text in expect.scores.items()]
    if expect.notes is not None:
        made.append(("notes", sorted(expect.notes), sorted(n.id for n in seen.notes)))
    return made
