"""Who takes which firm, and by what day. Pure: rows in, rows out.

A firm keeps its own officer where that one takes part and has room. Every other goes to the least loaded of the officers who may see it,
those of its own town before those of its county; the firms with the narrowest choice are placed first, so that where nothing
ties a firm the sizes differ by one at most.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from crm.core import workdays
from crm.regions.scope import covers, prefix
from crm.visits.plans.schemas import Shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crm.visits.plans.schemas import Firm, Rule, Sharer

Place = tuple[str, str | None]


def share(firms: Sequence[Firm], officers: Sequence[Sharer], rule: Rule, *, most: int | None = None, loads: Mapping[int, int] | None = None) -> Shared:
    """Share firms out. `most` bounds the firms of one officer; `loads` is what they have already."""
    load = {officer.id: (loads or {}).get(officer.id, 0) for officer in officers}
    may = _candidates(firms, officers, nearest=rule.nearest)
    given: dict[int, int] = {}
    left: dict[int, str] = {}

    def free(user_id: int) -> bool:
        return most is None or load[user_id] < most

    def give(firm: Firm, user_id: int) -> None:
        given[firm.id] = user_id
        load[user_id] += 1

    others: list[Firm] = []
    for firm in firms:
        own = firm.officer_id
        if rule.keep_officer and own is not None and own in may[_place(firm)][1] and free(own):
            give(firm, own)
        else:
            others.append(firm)
    for firm in sorted(others, key=lambda f: len(may[_place(f)][0])):
        near, all_of = may[_place(firm)]
        taker = min((o for o in near if free(o)), key=lambda o: (load[o], o), default=None)
        if taker is None:
            taker = min((o for o in all_of if free(o)), key=lambda o: (load[o], o), default=None)
        if taker is None:
            left[firm.id] = "full" if all_of else "no_officer"
        else:
            give(firm, taker)
    order = {firm.id: number for number, firm in enumerate(firms)}
    return Shared({key: given[key] for key in sorted(given, key=order.__getitem__)}, {key: left[key] for key in sorted(left, key=order.__getitem__)})


def sees(codes: Iterable[str], region_code: str, zone_code: str | None) -> bool:
    """Whether a jurisdiction of these division and zone codes holds a firm."""
    listed = list(codes)
    return covers((c for c in listed if c.isdigit()), region_code) or (zone_code is not None and zone_code in listed)


def due_days(many: int, first: date, last: date) -> list[date]:
    """Days for `many` visits in order, spread evenly over the work days from `first` to `last`; the last falls on the last of them."""
    days = [day for n in range((last - first).days + 1) if workdays.works(day := first + timedelta(days=n))] or [last]
    return [days[(n + 1) * len(days) // many - 1] if many <= len(days) else days[n * len(days) // many] for n in range(many)]


def parts(first: date, last: date, many: int) -> list[tuple[date, date]]:
    """A window cut into `many` parts in a row; a window shorter than that repeats days."""
    days = (last - first).days + 1
    return [(first + timedelta(days=n * days // many), first + timedelta(days=max((n + 1) * days // many - 1, n * days // many))) for n in range(many)]


def _place(firm: Firm) -> Place:
    return firm.region_code, firm.zone_code


def _candidates(firms: Sequence[Firm], officers: Sequence[Sharer], *, nearest: bool) -> dict[Place, tuple[frozenset[int], frozenset[int]]]:
    """For every place firms lie in: the officers nearest to it, and all who may see it."""
    found: dict[Place, tuple[frozenset[int], frozenset[int]]] = {}
    for place in {_place(firm) for firm in firms}:
        depth = {o.id: _depth(o.codes, *place) for o in officers if sees(o.codes, *place)}
        deepest = max(depth.values(), default=0)
        found[place] = (frozenset(o for o, d in depth.items() if not nearest or d == deepest), frozenset(depth))
    return found


def _depth(codes: Iterable[str], region_code: str, zone_code: str | None) -> int:
    """How closely a jurisdiction fits a place: the digits of the narrowest division that holds it; its zone counts as a town."""
    return max((9 if not c.isdigit() else len(prefix(c)) for c in codes if sees((c,), region_code, zone_code)), default=0)
