"""The packs this instance runs on, for labels and explanations; loaded once per process, when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

from crm.criteria.loading import load_packs

if TYPE_CHECKING:
    from crm.criteria.packs import Pack, Packs


def packs() -> Packs:
    """All loaded packs."""
    loaded: Packs | None = current_app.extensions.get("crm_packs")
    if loaded is None:
        settings = current_app.extensions["crm_settings"]
        loaded = load_packs(settings.packs_dir, settings.packs, settings.data_dir / "packs")
        current_app.extensions["crm_packs"] = loaded
    return loaded


def pack_for(region_code: str | None) -> Pack:
    """The most specific pack of a division."""
    return packs().for_region(region_code)


def main_pack() -> Pack:
    """The first chosen pack: whose words head lists that run over several places."""
    return packs()[packs().chosen[0]]


def title_labels() -> dict[str, str]:
    """Titles a list can be filtered by or a firm granted, in the pack's order."""
    return {title.id: title.short or title.label for title in main_pack().book.titles}


def pool_labels() -> dict[str, str]:
    """Pools of the ladder."""
    return {pool.id: pool.label for pool in main_pack().book.pools}
