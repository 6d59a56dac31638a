"""`run.py evaluate` with awards: what each firm of a facts file may claim, by the same rules as the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.criteria.commands import parts
from crm.programmes.claims import claims

if TYPE_CHECKING:
    from crm.criteria.engine import Evaluation
    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack
    from crm.programmes.claims import Claim


YEAR_CHOSEN = {"text": "看今年和上年两年，取结论更明确的一年", "basis": "default", "label": "默认值，非政策"}
"""No text says for which year a firm asks when it names none; ours is said with every answer."""


def awards(evaluation: Evaluation, firms: list[Enterprise]) -> list[list[dict[str, Any]]]:
    """For each firm, in order, every award of the pack with its state."""
    return [[answer(claim, evaluation.pack) for claim in claims(evaluation.pack, firm, evaluation.on)] for firm in firms]


def answer(claim: Claim, pack: Pack) -> dict[str, Any]:
    """A claim in the answer of `run.py evaluate`."""
    award = claim.award
    document = pack.documents.get(award.document or "")
    return {
        "id": award.id, "label": award.label, "year": claim.year, "year_chosen": YEAR_CHOSEN, "state": claim.state, "amount": claim.amount, "reason": claim.reason,
        "excluded_by": claim.excluded_by, "on": claim.on.isoformat() if claim.on else None, "draft": claim.draft,
        "questions": [{"id": q.id, "text": q.text, "options": list(q.options)} for q in claim.questions],
        "source": {"document": (document.number or document.title) if document else None, "clause": award.clause, "quote": award.quote, "status": document.status if document else None},
    }


parts["awards"] = awards
