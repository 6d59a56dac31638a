"""What a firm may claim: every award of a pack against the firm's record, for a year, as of a day. Never grants anything.

met        the text in force gives it; a person still decides and pays
undecided  the facts are there, but the text is a draft or does not say: a person must rule
pending    a condition lies in the future (still in the register next year)
unknown    a figure is missing
unmet      the event did not happen in that year, a condition fails, or it was had already (`excluded_by`)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from crm.criteria import quantity, wording
from crm.criteria.facts import cell
from crm.criteria.program import tree_of
from crm.criteria.schema import Sourced
from crm.criteria.terms import columns
from crm.criteria.values import Firm, all_of, any_of, not_
from crm.programmes.events import Event, event_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack
    from crm.criteria.program import Branch
    from crm.criteria.schema import Award, Question

OPEN = ("met", "undecided")
"""States in which money may be due: a person decides."""
STATES = {"met": "可兑现", "undecided": "待裁定", "pending": "待次年", "unknown": "缺数据", "unmet": "不符合"}


@dataclass(frozen=True, slots=True)
class Taken:
    """Money had already: of an award (`award`), or of another policy for the same matter (`document`)."""

    award: str | None
    group: str | None
    year: int
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One award for one firm and year. `amount` in 元; `on`: the day of the event; `value`: the figure it rests on."""

    award: Award
    year: int
    state: str
    reason: str
    amount: int | None
    on: date | None = None
    excluded_by: str | None = None
    questions: tuple[Question, ...] = ()
    draft: bool = False


def claims(pack: Pack, firm: Enterprise, on: date, taken: Sequence[Taken] = (), years: Iterable[int] | None = None) -> list[Claim]:
    """Each award once: for this year or the last, whichever says more; or for each of `years`. Awards that wait for a paper are left out."""
    asked = tuple(years) if years is not None else (on.year, on.year - 1)
    found = {award.id: [_claim(pack, award, firm, year, on) for year in asked] for award in pack.book.awards if _computable(award)}
    chosen = [c for of in found.values() for c in (of if years is not None else [max(of, key=_weight)])]
    return _excluded(_several(chosen), taken, pack)


def amount_of(award: Award) -> int | None:
    """The sum in 元; None where the text leaves it to a person."""
    return int(quantity.parse(award.amount).value) if award.amount is not None else None


def _computable(award: Award) -> bool:
    return award.trigger is not None and award.trigger.kind != "named"


def _weight(claim: Claim) -> tuple[bool, bool, bool, int]:
    closed = claim.award.trigger is not None and claim.award.trigger.kind == "crossing"  # a year's figures are looked at when it is over
    return (claim.state != "unmet", claim.state != "unknown", claim.on is not None and claim.on.year == claim.year, -claim.year if closed else claim.year)


def _claim(pack: Pack, award: Award, firm: Enterprise, year: int, on: date) -> Claim:
    document = pack.documents.get(award.document or "")
    draft = document is not None and document.status == "draft"
    bare = Claim(award, year, "unmet", "", amount_of(award), draft=draft)
    if document is not None and document.effective_from is not None and year < document.effective_from.year:
        return replace(bare, reason=f"文件自 {document.effective_from.year} 年起，{year} 年的不算")
    if document is not None and document.effective_to is not None and year > document.effective_to.year:
        return replace(bare, reason=f"文件到 {document.effective_to.year} 年为止")
    event = event_of(pack, award, firm, year, on)
    made = replace(bare, state=event.state, reason=event.reason, on=event.on)
    if event.state == "unmet":
        return made
    truth, why = _required(pack, award, firm, min(on, date(year + 1, 12, 31)))
    if event.state == "unknown" and truth is not False:
        return made
    if truth is not True:
        return replace(made, state="unmet" if truth is False else "unknown", reason=why)
    if event.state == "pending":
        return replace(made, reason=f"{event.reason}；依据为草案" if draft else event.reason)
    return _ruled(award, made, event, draft=draft)


def _ruled(award: Award, made: Claim, event: Event, *, draft: bool) -> Claim:
    """Met, unless the text is a draft or leaves something open."""
    here = {"always"} | ({"draft"} if draft else set()) | ({"exact"} if event.is_exact else set())
    questions = tuple(q for q in award.questions if q.applies in here)
    if not (draft or award.undecided or questions or event.doubt):
        return made
    reasons = [event.reason, *( [event.doubt] if event.doubt else []), award.undecided or (questions[0].text if questions else "依据为草案，不自动兑现")]
    return replace(made, state="undecided", reason="；".join(reasons), questions=questions)


def _several(of: list[Claim]) -> list[Claim]:
    """Lines of one series reached in one year: which of them is paid the text must say."""
    made = []
    for claim in of:
        together = [c for c in of if c.year == claim.year and c.state in OPEN and _joined(c.award, claim.award)]
        if claim.state not in OPEN or len(together) < 2:
            made.append(claim)
            continue
        more = tuple(q for q in claim.award.questions if q.applies == "several")
        said = more[0].text if more else "文本没有写明逐档还是只按最高一档。"
        lines = "、".join(_step(c.award) for c in together)
        made.append(replace(claim, state="undecided", reason=f"{claim.year} 年同时够到 {lines}；{said}", questions=(*more, *claim.questions)))
    return made


def _joined(one: Award, other: Award) -> bool:
    """Whether two awards are lines of one series, or share a question about several in one year."""
    asked = {q.id for q in one.questions if q.applies == "several"} & {q.id for q in other.questions if q.applies == "several"}
    return one.id == other.id or bool(asked) or (one.series is not None and one.series == other.series)


def _step(award: Award) -> str:
    """What tells an award from the others of its series: its line, else its name."""
    line = award.trigger.line if award.trigger is not None else None
    given = quantity.parse(line) if line is not None else None
    return wording.amount(given.value, given.unit) if given is not None else award.label


def _excluded(of: list[Claim], taken: Sequence[Taken], pack: Pack) -> list[Claim]:
    """What was had already, and what stands beside a larger sum for the same matter."""
    made = []
    for claim in of:
        group = claim.award.exclusion_group
        had = next((t for t in taken if t.award == claim.award.id and claim.award.once and t.year != claim.year), None)
        other = next((t for t in taken if group and t.group == group and t.award != claim.award.id), None)
        larger = next((c for c in of if group and c is not claim and c.award.exclusion_group == group and c.state in OPEN and (c.amount or 0) > (claim.amount or 0)), None)
        if claim.state not in OPEN or not (had or other or larger):
            made.append(claim)
        elif had:
            made.append(replace(claim, state="unmet", reason=f"一次性奖励，{had.year} 年已兑现", excluded_by=claim.award.id))
        elif other and other.document and any(q.applies == "other_money" for q in claim.award.questions):
            asked = tuple(q for q in claim.award.questions if q.applies == "other_money")
            made.append(replace(claim, state="undecided", reason=f"已领同类资金（{other.document}）；{asked[0].text}", excluded_by=other.document, questions=(*asked, *claim.questions)))
        else:
            by = (other.document or other.award or "") if other else larger.award.id if larger else ""
            made.append(replace(claim, state="unmet", reason=f"不重复享受：同一事项已有{pack.label(by)}", excluded_by=by))
    return made


def _required(pack: Pack, award: Award, firm: Enterprise, on: date) -> tuple[bool | None, str]:
    """Truth of the award's own conditions, and the first that is not fulfilled in words."""
    if award.requires is None:
        return True, ""
    tree = _tree(pack, award.id, on)
    cells = {c.name: cell(firm, c, on) for leaf in tree.leaves for term in (leaf.term, leaf.when) if term is not None for c in columns(term)}
    seen = Firm(on, cells, {}, {}, None)
    truth = _truth(tree, seen)
    if truth is True:
        return True, ""
    failing = [leaf for leaf in tree.leaves if seen.condition(leaf.term) is truth]
    if truth is False:
        return False, f"不符合：{'、'.join(leaf.label for leaf in failing)}"
    asked = [wording.question(c, pack, on) for leaf in failing for c in wording.unknown_columns(leaf.term, dict(cells))]
    return None, f"缺数据：{'、'.join(dict.fromkeys(asked)) or '、'.join(leaf.label for leaf in failing)}"


@lru_cache(maxsize=512)
def _tree(pack: Pack, award_id: str, on: date) -> Branch:
    award = next(a for a in pack.book.awards if a.id == award_id)
    assert award.requires is not None  # asked for only then
    return tree_of(pack, award.requires, Sourced(**{name: getattr(award, name) for name in Sourced.model_fields}), on)


def _truth(branch: Branch, firm: Firm) -> bool | None:
    if branch.criterion is not None:
        return firm.condition(branch.criterion.term)
    parts = [_truth(b, firm) for b in branch.of]
    match branch.kind:
        case "any":
            return any_of(parts)
        case "none":
            return all_of([not_(p) for p in parts])
        case "at_least":
            sure, possible = sum(p is True for p in parts), sum(p is not False for p in parts)
            return True if sure >= branch.n else False if possible < branch.n else None
        case _:
            return all_of(parts)
