"""All watches of a pack for the firms of a night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.alerts.watches import cases, figures, filings, returning, titles, visiting
from crm.alerts.watches.base import Watched

if TYPE_CHECKING:
    from types import ModuleType

    from crm.alerts.watches.base import Asked

MODULES: tuple[ModuleType, ...] = (titles, filings, figures, returning, visiting, cases)
BY_RULE = {module.RULE: module for module in MODULES}


def watch(asked: Asked) -> list[Watched]:
    """What the pack's rules find; a rule the pack does not have finds nothing, and its alerts are settled."""
    found = []
    for name, module in BY_RULE.items():
        rule = asked.pack.alerts.get(name)
        if rule is None:
            found.append(Watched(name, asked.firms.clear()))
        elif module is figures:
            found.append(figures.looked(asked, rule))
        else:
            found.append(Watched(name, module.find(asked, rule)))
    return found
