"""The faster stand-ins for WeasyPrint's innermost functions: the same bytes, and none for a version they were not written for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pydyf
import weasyprint

from crm.config import ROOT
from crm.reports import swift
from tests.reports.samples import full_record, short_record
from tests.reports.test_papers import SLIP, card

if TYPE_CHECKING:
    import pytest

    from crm.reports.fonts import FontSet
    from crm.reports.pool import RenderPool

PAPERS = {"record": full_record(), "short": (short_record(), {}), "briefing": (card(), {}), "slip": (SLIP, {})}
ORIGINALS = """
import hashlib
from crm.reports import swift
swift.apply = lambda: False
from crm.reports.render import render
from tests.reports.test_swift import PAPERS
for name, (data, images) in PAPERS.items():
    print(name, hashlib.sha256(render("record" if name == "short" else name, data, images).pdf).hexdigest())
"""


def test_every_paper_has_the_bytes_the_originals_give(pool: RenderPool, faces: FontSet):
    environment = {**os.environ, "FONTCONFIG_FILE": str(faces.config)}
    done = subprocess.run([sys.executable, "-c", ORIGINALS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    made = {name: pool.render(data, images, "record" if name == "short" else name).pdf for name, (data, images) in PAPERS.items()}
    assert dict(line.split() for line in done.stdout.splitlines()) == {name: hashlib.sha256(pdf).hexdigest() for name, pdf in made.items()}


def test_the_installed_versions_are_those_the_stand_ins_were_written_for():
    assert {"weasyprint": weasyprint.__version__, "pydyf": pydyf.__version__} == swift.VERSIONS


def test_another_version_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(weasyprint, "__version__", "71.0")
    assert swift.apply() is False
