"""A pack's ladder in words: its places from low to high, the steps between them, and how they compare.

A place has no rank of its own: 瑞安 climbs 小微 → 规上 → 隐形冠军 → 小巨人 → 单项冠军 → 上市, most others 规下 → 规上 → 优质 → 上市 → 领航.
Whoever compares two places of a firm asks the ladder of that firm's pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crm.criteria.packs import Pack, Packs

UNKNOWN = -1
COUNTY = 6  # digits of a county's code


@dataclass(frozen=True)
class Ladder:
    """Places and steps by id, in order; `between` says which places a step joins."""

    of: str  # name of the pack
    places: dict[str, str]
    glyphs: dict[str, str]
    steps: dict[str, str]
    between: dict[str, tuple[str, str]]

    @property
    def first(self) -> str:
        """The lowest place: where every firm is that nothing more is known of."""
        return next(iter(self.places))

    def rank(self, place: str | None) -> int:
        """0 for the lowest; UNKNOWN for a place of another ladder (the pack was exchanged since)."""
        return list(self.places).index(place) if place in self.places else UNKNOWN

    def step_up(self, place: str | None) -> str | None:
        """The step that starts at a place; None at the top."""
        return next((step for step, (low, _) in self.between.items() if low == place), None)

    def step_for(self, from_place: str, to_place: str) -> str:
        """The step a move belongs to: up, the one that ends at the new place; down, the one that starts from it."""
        end = 1 if self.rank(to_place) > self.rank(from_place) else 0
        return next(step for step, ends in self.between.items() if ends[end] == to_place)

    def name(self, place: str | None) -> str:
        """Label of a place; its id when the ladder has no such place any more."""
        return self.places.get(place or "", place or "")

    def glyph(self, place: str | None) -> str:
        """The one character that stands for a place."""
        return self.glyphs.get(place or "", "？")


@lru_cache(maxsize=32)
def ladder_of(pack: Pack) -> Ladder:
    """The ladder of a pack."""
    return Ladder(
        pack.name, {p.id: p.label for p in pack.ladder}, {p.id: p.glyph or p.label[:1] for p in pack.ladder},
        {s.id: s.label for s in pack.steps}, {s.id: (s.from_, s.to) for s in pack.steps},
    )


def ladder_at(packs: Packs, region_code: str | None) -> Ladder:
    """The ladder of the firms of a division."""
    return ladder_of(packs.for_region(region_code[:COUNTY] if region_code else None))


def joined(ladders: Iterable[Ladder]) -> Ladder:
    """Several ladders as one, for a page over several places: the first in its order, then what the others add.

    A place called like another one (上市 is the fourth place of one ladder and the last of another) gets its pack's name.
    """
    whole = Ladder("", {}, {}, {}, {})
    for ladder in ladders:
        for place, label in ladder.places.items():
            whole.places.setdefault(place, label if label not in whole.places.values() else f"{label}（{ladder.of}）")
        for mine, theirs in ((whole.glyphs, ladder.glyphs), (whole.steps, ladder.steps)):
            for key, text in theirs.items():
                mine.setdefault(key, text)
        for step, ends in ladder.between.items():
            whole.between.setdefault(step, ends)
    return whole


def packs_within(packs: Packs, region_code: str | None) -> list[Pack]:
    """The packs the firms of a division are judged by: its own, then the chosen ones inside it."""
    prefix = (region_code or "").rstrip("0")
    prefix += "0" * (len(prefix) % 2)
    found = {pack.id: pack for pack in packs if (pack.region or "").startswith(prefix)}
    covering = packs.for_region(region_code[:COUNTY] if region_code else None)
    return list(({covering.id: covering} | found).values())


def ladders_within(packs: Packs, region_code: str | None) -> list[Ladder]:
    """The distinct ladders the firms of a division are judged by."""
    found: list[Ladder] = []
    for pack in packs_within(packs, region_code):
        ladder = ladder_of(pack)
        if not any(ladder.places == other.places and ladder.between == other.between for other in found):
            found.append(ladder)
    return found


def others_inside(packs: Packs, pack: Pack) -> tuple[str, ...]:
    """Divisions inside a pack's own that another chosen pack judges."""
    mine = (pack.region or "").rstrip("0")
    mine += "0" * (len(mine) % 2)
    return tuple(other.region for other in packs if other.region and other.region != pack.region and other.region.startswith(mine))
