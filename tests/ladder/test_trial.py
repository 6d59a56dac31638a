"""A what-if reads by ranges of ids where the firms fill them: the same outcome, nobody of another jurisdiction, and it says how far it is."""

from __future__ import annotations

import pytest

from crm.ladder import trial
from tests.ladder.conftest import MANAGER, ON

CHANGE = {"register.industry.line": "1500万元"}


def tried(city, packs, **more):
    return trial.trial(city, MANAGER, packs["taizhou"], CHANGE, ON, **more)


@pytest.mark.parametrize("few", [0, 10**9])
def test_firms_read_by_a_range_of_ids_or_id_by_id_move_alike(city, packs, monkeypatch, few):
    monkeypatch.setattr(trial, "FEW", few)
    ranged = tried(city, packs)
    monkeypatch.setattr(trial, "DENSE", 0)
    assert (ranged, ranged["touched"] > 0) == (tried(city, packs), True)


def test_a_range_holds_only_the_firms_asked_for(city, packs, monkeypatch):
    monkeypatch.setattr(trial, "FEW", 0)
    ids = trial.firms_of(city, MANAGER, packs["taizhou"])[::2]
    assert trial._facts(city, packs["taizhou"].program(ON).columns, ON, ids)["enterprise_id"].to_list() == ids


def test_progress_is_told_after_reading_and_after_deciding(city, packs, monkeypatch):
    monkeypatch.setattr(trial, "CHUNK", 50)
    said = []
    firms = tried(city, packs, progress=lambda done, total: said.append((done, total)))["firms"]
    assert said == [(n + 1, 2 * -(-firms // 50)) for n in range(2 * -(-firms // 50))]
