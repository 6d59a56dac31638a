"""A document's status is that of the day asked about."""

from __future__ import annotations

from datetime import date

import pytest

from crm.criteria.schema import Document

SUPERSEDED = Document(id="a", title="办法", status="superseded", effective_to=date(2026, 3, 31))
PLAN = Document(id="b", title="计划", status="in_force", effective_to=date(2025, 12, 31))
DRAFT = Document(id="c", title="稿", status="draft", effective_to=date(2025, 12, 31))


@pytest.mark.parametrize(("document", "on", "status"), [
    (SUPERSEDED, date(2025, 10, 20), "in_force"),
    (SUPERSEDED, date(2026, 3, 31), "in_force"),
    (SUPERSEDED, date(2026, 4, 1), "superseded"),
    (PLAN, date(2025, 12, 31), "in_force"),
    (PLAN, date(2026, 1, 1), "ended"),
    (DRAFT, date(2025, 10, 20), "draft"),
])
def test_a_text_has_the_status_of_the_day(document, on, status):
    assert document.status_on(on) == status
