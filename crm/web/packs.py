"""The packs this instance runs on, for labels and explanations; loaded once per process, when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, g, has_request_context

from crm.jobs.chain import current_packs
from crm.ladder.places import joined, ladder_at, ladder_of, ladders_within, packs_within
from crm.web.frame import frame
from crm.web.page import access, db

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Flask

    from crm.criteria.packs import Pack, Packs
    from crm.ladder.places import Ladder


def packs() -> Packs:
    """All loaded packs, with what people published over them. Read once a request, beside what the page's frame shows."""
    if "packs" not in g:
        g.packs = current_packs(db(), current_app.extensions["crm_settings"], frame().rules if has_request_context() else None)
    found: Packs = g.packs
    return found


def install(app: Flask) -> None:
    """Macros see globals only."""
    app.add_template_global(place_glyph)


def pack_for(region_code: str | None) -> Pack:
    """The most specific pack of a division."""
    return packs().for_region(region_code)


def main_pack() -> Pack:
    """The first chosen pack: whose words head lists that run over several places."""
    return packs()[packs().chosen[0]]


def ladder_for(region_code: str | None) -> Ladder:
    """The ladder of the firms of a division."""
    return ladder_at(packs(), region_code)


def ladder_here(region_code: str | None = None) -> Ladder:
    """The ladder of a list: that of the division asked for or, without one, of the whole jurisdiction; several are joined."""
    return joined(ladder for code in ([region_code] if region_code else _jurisdiction()) for ladder in ladders_within(packs(), code))


def packs_here(region_code: str | None = None) -> list[Pack]:
    """The packs the firms of a division or, without one, of the jurisdiction are judged by, each once."""
    found: dict[str, Pack] = {}
    for code in [region_code] if region_code else _jurisdiction():
        found |= {pack.id: pack for pack in packs_within(packs(), code)}
    return list(found.values())


def steps_here(region_code: str | None = None) -> dict[str, list[str]]:
    """The board's columns with their headings, in the packs' order: step -> groups."""
    found: dict[str, list[str]] = {step: [] for step in ladder_here(region_code).steps}
    for pack in _spoken():
        for step in pack.steps:
            found.get(step.id, []).extend(group.id for group in step.groups if group.id not in found.get(step.id, []))
    return found


def label(key: str, region_code: str | None = None) -> str:
    """Label of an item, place, step, title, group or event: in the words of the firm's own pack, else of whichever chosen pack knows it."""
    if region_code and (own := pack_for(region_code)).label(key) != key:
        return own.label(key)
    return next((text for pack in _spoken() if (text := pack.label(key)) != key), key)


def place_glyph(code: str | None, region_code: str | None = None) -> tuple[int, int, str]:
    """(rank, how many places, the character) of a place, for the small bars beside a firm's name; rank -1: not evaluated."""
    found = ladder_for(region_code) if region_code else next((found for pack in _spoken() if code in (found := ladder_of(pack)).places), ladder_of(main_pack()))
    return found.rank(code), len(found.places), found.glyph(code) if code in found.places else "未评"


def title_labels() -> dict[str, str]:
    """Titles a list can be filtered by or a firm granted, in the packs' order."""
    return _merged((title.id, title.short or title.label) for pack in _spoken() for title in pack.book.titles)


def event_labels() -> dict[str, str]:
    """Events in a firm's life that the packs' rules ask for, in the packs' order."""
    return _merged((event.id, event.label) for pack in _spoken() for event in pack.book.events)


def pool_labels() -> dict[str, str]:
    """Pools of the ladder."""
    return _merged((pool.id, pool.label) for pack in _spoken() for pool in pack.book.pools)


def _merged(entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first word for an id stays."""
    found: dict[str, str] = {}
    for key, text in entries:
        found.setdefault(key, text)
    return found


def _spoken() -> list[Pack]:
    """The chosen packs, the first one first."""
    return list(packs())


def _jurisdiction() -> list[str]:
    return list(access().regions) or [main_pack().region or ""]
