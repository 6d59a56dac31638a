"""The other side of bench.openfisca: run by an interpreter that has OpenFisca-Core, never imported by ours.

    PYTHON bench/openfisca_side.py facts.npz rules.json out.npz     (seconds of CPU and wall on standard output, JSON)

Facts are whole 万元 small enough that 32-bit floats hold them and every product exactly; ratios are written as products, for a
quotient would be rounded. OpenFisca knows no "unknown": where figures are missing, each comes with a variable that says
whether it is there, and a test gives 0 no, 1 unknown, 2 yes.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from openfisca_core.entities import build_entity
from openfisca_core.periods import DateUnit
from openfisca_core.simulation_builder import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

FIRM = build_entity(key="firm", plural="firms", label="A firm", is_person=True)
PERIOD = "2025"


def variable(name, kind, formula=None):
    """A variable class; OpenFisca takes them as classes."""
    body = {"value_type": kind, "entity": FIRM, "definition_period": DateUnit.YEAR, "label": name}
    if formula is not None:
        body["formula"] = formula
    return type(name, (Variable,), body)


def criterion(kind, *rest):
    """One test: (columns it looks at, truth of their values)."""
    a = [f"{name}_y_1" for name in rest if isinstance(name, str)]
    b = [f"{name}_y_2" for name in rest if isinstance(name, str)]
    match kind:
        case "level":
            return a, lambda x: x >= rest[1]
        case "ratio":
            return a, lambda x, y: x * 100 >= y * rest[2]
        case "growth":
            return a + b, lambda now, before: (now - before) * 100 >= before * rest[1]
        case "each":
            return a + b, None
        case "mean":
            return a + b, lambda now, before: now + before > 2 * rest[1]
        case "flag":
            return [f"flag_{rest[0]}"], lambda x: x
        case "ytd":
            return [f"{rest[0]}_ytd"], lambda x: x >= rest[1]
        case "ytd_growth":
            return [f"{rest[0]}_ytd", f"{rest[0]}_ytd_prior"], lambda now, before: now * 100 >= before * rest[1]
    raise ValueError(kind)


def plain(test):
    """A test where everything is known: yes or no."""
    if test[0] == "score":
        return lambda firm, period: firm("score_low", period) >= test[1]
    names, truth = criterion(*test)
    if truth is None:
        return lambda firm, period: (firm(names[0], period) * 100 >= firm(names[1], period) * test[3]) * (firm(names[2], period) * 100 >= firm(names[3], period) * test[3])
    return lambda firm, period: truth(*(firm(name, period) for name in names))


def doubted(test):
    """The same where figures may be missing: 0 no, 1 unknown, 2 yes, so that "and" is the least."""
    if test[0] == "score":
        return lambda firm, period: np.where(firm("score_low", period) >= test[1], 2, np.where(firm("score_high", period) < test[1], 0, 1))
    names, truth = criterion(*test)

    def one(firm, period, names, truth):
        known = firm(f"has_{names[0]}", period)
        for name in names[1:]:
            known = known * firm(f"has_{name}", period)
        return np.where(known, 2 * truth(*(firm(name, period) for name in names)).astype(np.int32), 1)

    if truth is None:
        ratio = lambda x, y: x * 100 >= y * test[3]  # noqa: E731
        return lambda firm, period: np.minimum(one(firm, period, names[:2], ratio), one(firm, period, names[2:], ratio))
    return lambda firm, period: one(firm, period, names, truth)


def points(items, end):
    """The score: bands of five measures; `end` low or high where a figure is missing, or None."""

    def formula(firm, period):
        total = 0
        for measure, high, low in items:
            value = firm(f"{measure}_y_1", period)
            made = np.select([value >= high, value >= low], [20, 10], 0)
            total = total + (made if end is None else np.where(firm(f"has_{measure}_y_1", period), made, 0 if end == "low" else 20))
        return total

    return formula


def title(name, count, *, missing):
    """All criteria of a title."""

    def formula(firm, period):
        made = firm(f"{name}_c0", period)
        for k in range(1, count):
            other = firm(f"{name}_c{k}", period)
            made = np.minimum(made, other) if missing else made * other
        return made

    return formula


def main(facts_path, rules_path, out_path):
    """Build the system, set the facts, time the outcomes."""
    facts, rules = np.load(facts_path), json.loads(Path(rules_path).read_text(encoding="utf-8"))
    system = TaxBenefitSystem([FIRM])
    for name in facts.files:
        system.add_variable(variable(name, bool if facts[name].dtype == bool else float))
    missing = any(name.startswith("has_") for name in facts.files)
    kind, judged = (int, doubted) if missing else (bool, plain)
    for end in ("low", "high"):
        system.add_variable(variable(f"score_{end}", float, points(rules["score"], end if missing else None)))
    for name, tests in rules["titles"].items():
        for k, test in enumerate(tests):
            system.add_variable(variable(f"{name}_c{k}", kind, judged(test)))
        system.add_variable(variable(name, kind, title(name, len(tests), missing=missing)))
    size = len(facts[facts.files[0]])
    builder = SimulationBuilder()
    builder.create_entities(system)
    builder.declare_person_entity("firm", range(size))
    simulation = builder.build(system)
    for name in facts.files:
        simulation.set_input(name, PERIOD, facts[name])
    wall, cpu = time.perf_counter(), time.process_time()
    found = {name: simulation.calculate(name, PERIOD) for name in rules["titles"]}
    spent = {"wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3)}
    np.savez(out_path, **found)
    print(json.dumps(spent))


if __name__ == "__main__":
    main(*sys.argv[1:])
