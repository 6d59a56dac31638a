"""Dated values people publish over a pack's own: kept in the database as data, laid over the compiled pack, revocable.

What can be published is one number: of a parameter, or of a criterion that compares with a number. A criterion's number
becomes a parameter of its own with the old value before the day and the new one from it on. Nothing else of a pack can be
changed this way; rules themselves are files (`run.py pack check`). The overlaid pack has a hash of its own, kept with every
verdict, and the source of the published value stands with the verdicts it decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, select

from crm.core.errors import Invalid
from crm.criteria import quantity, wording
from crm.criteria.book import SECTIONS, field_of
from crm.criteria.checking import in_force
from crm.criteria.expressions import ExpressionError, parse_condition
from crm.criteria.models import RuleChange
from crm.criteria.packs import Pack, Packs
from crm.criteria.schema import AtLeast, DatedValue, Document, Node, Parameter, Title
from crm.criteria.terms import Const
from crm.criteria.trees import branches, inherit, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from crm.criteria.schema import Entry, Sourced

    Mark = tuple[int | None, datetime | None, datetime | None]

N = TypeVar("N", bound=Node)
PUBLISHED = "published."
"""Beginning of the ids of documents and parameters that publishing makes."""
_LEAST = date(1900, 1, 1)
_COMPARED = re.compile(r"(.*(?:>=|<=|==|>|<))\s*([^<>=]+)$", re.DOTALL)
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Number:
    """A number that can be tried or published: of a parameter, or the one a criterion compares with."""

    id: str
    label: str
    value: str  # in force on the day, as written
    unit: str
    source: Sourced
    is_parameter: bool
    test: str | None = None  # the criterion's own expression
    under: str = ""  # the title, register entry, pool or level the criterion belongs to

    @property
    def name(self) -> str:
        """The label with what it belongs to: 上年营业收入 alone could be any of nine."""
        return f"{self.under}：{self.label}" if self.under and self.under != self.label else self.label


def numbers(pack: Pack, on: date) -> dict[str, Number]:
    """Every number in force on a day, parameters first."""
    found: dict[str, Number] = {}
    for parameter in pack.book.parameters:
        current = pack.parameter(parameter.id, on)
        if current is not None and current.value is not None and not parameter.id.startswith(PUBLISHED):
            found[parameter.id] = Number(parameter.id, parameter.label, str(current.value), quantity.parse(current.value).unit, current, is_parameter=True)
    for node, source, under in _leaves(pack, on):
        if node.id is not None and node.id not in found and (literal := _literal(pack, node)) is not None:
            found[node.id] = Number(node.id, node.label or node.id, literal, quantity.parse(literal).unit, source, is_parameter=False, test=node.test, under=under)
    return found


def fits(number: Number, value: str) -> str:
    """The value, trimmed. Raises Invalid for what cannot be read, another unit, or no change."""
    try:
        given = quantity.parse(value.strip())
    except ValueError as error:
        raise Invalid(f"{number.name}：{error}", field="value") from None
    if given.unit != number.unit:
        raise Invalid(f"{number.name}的单位是{number.unit or '个数'}，请带上单位写，现值 {number.value}。", field="value")
    if given == quantity.parse(number.value):
        raise Invalid(f"{number.name}现在就是 {number.value}，没有变化。", field="value")
    return value.strip()


def _literal(pack: Pack, node: Node) -> str | None:
    """The number a criterion compares with, where it is written in the criterion itself."""
    found = _COMPARED.match(node.test or "")
    if found is None:
        return None
    try:
        given, compare = quantity.parse(found[2].strip()), wording.compared(parse_condition(str(node.test), pack.names))
    except (ValueError, ExpressionError):
        return None
    return found[2].strip() if compare is not None and compare.right == Const(given.value, given.unit) else None


def _leaves(pack: Pack, on: date) -> Iterator[tuple[Node, Sourced, str]]:
    """Criteria of the rules in force on a day with what they belong to, each id once."""
    book = pack.book
    trees: list[tuple[str, Node]] = [(title.short or title.label, rule) for title in book.titles for rule in title.rules if in_force(rule, on)]
    trees += [(item.label or "", item) for section in (book.register_, book.pools, book.levels, book.notes) for item in section if in_force(item, on)]
    seen: set[str] = set()
    for under, tree in trees:
        for node, source in walk(tree):
            if node.test is not None and node.id not in seen:
                seen.add(str(node.id))
                yield node, source, under


# ── laid over the packs ──────────────────────────────────────────────────


def standing(session: Session) -> Sequence[RuleChange]:
    """Published and not revoked, oldest first."""
    return session.scalars(select(RuleChange).where(RuleChange.revoked_at.is_(None)).order_by(RuleChange.id)).all()


def mark(session: Session) -> Mark:
    """Differs whenever something was published or revoked."""
    newest, published, revoked = session.execute(mark_query()).one()
    return newest, published, revoked


def mark_query() -> Select[int, datetime, datetime | None]:
    """The select of `mark`, for a page that reads it beside other things."""
    return select(func.max(RuleChange.id), func.max(RuleChange.published_at), func.max(RuleChange.revoked_at))


def applied(packs: Packs, changes: Sequence[RuleChange]) -> Packs:
    """The packs with everything published laid over them. What a pack no longer has is left alone (see `stranded`)."""
    made = {name: overlaid(pack, [c for c in changes if c.pack in pack.book.chain]) for name, pack in packs.by_id.items()}
    return Packs(made, packs.chosen)


def stranded(packs: Packs, changes: Iterable[RuleChange]) -> list[RuleChange]:
    """Published values of packs or numbers that are gone: shown, so that a person revokes them."""
    return [c for c in changes if c.pack not in packs or not _has(packs[c.pack], c)]


def _has(pack: Pack, change: RuleChange) -> bool:
    if change.target in pack.parameters or _parameter_id(change.target) in pack.parameters:
        return True
    return any(node.id == change.target and _literal(pack, node) is not None for node, _, _ in _leaves(pack, change.from_on))


def overlaid(pack: Pack, changes: Sequence[RuleChange]) -> Pack:
    """One pack with some published values; itself without."""
    mine = [c for c in changes if _has(pack, c)]
    if not mine:
        return pack
    merged: dict[str, dict[str, Entry]] = {section: {e.id: e for e in getattr(pack.book, field_of(section))} for section in SECTIONS}
    for change in mine:
        document = _document(change)
        merged["documents"][document.id] = document
        key = change.target if change.target in pack.parameters else _named(merged, pack, change)
        merged["parameters"][key] = _dated(merged["parameters"][key], change, document)  # type: ignore[arg-type]  # the section holds parameters
    values = {field_of(section): tuple(entries.values()) for section, entries in merged.items()}
    return Pack.from_document(pack.book.model_copy(update=values).canonical())


def _parameter_id(target: str) -> str:
    return (PUBLISHED + target)[:_LONGEST_ID]


def _named(merged: dict[str, dict[str, Entry]], pack: Pack, change: RuleChange) -> str:
    """Have the number of a criterion as a parameter, once; the criterion, wherever it says the same, asks for it."""
    key = _parameter_id(change.target)
    if key in merged["parameters"]:
        return key
    node, source = next((n, s) for n, s, _ in _leaves(pack, change.from_on) if n.id == change.target)
    found = _COMPARED.match(str(node.test))
    assert found is not None  # it has a literal: the caller asked
    told = {k: v for k, v in inherit(source, node).model_dump().items() if v is not None}
    before: dict[str, Any] = told | {"from": _LEAST, "value": found[2].strip()}
    merged["parameters"][key] = Parameter(id=key, label=node.label or key, values=(DatedValue(**before),))
    for section in ("titles", "register", "pools", "levels", "notes"):
        for name, entry in merged[section].items():
            merged[section][name] = _asking(entry, node, f"{found[1]} param({key})")
    return key


def _asking(entry: Entry, node: Node, test: str) -> Entry:
    if isinstance(entry, Title):
        return entry.model_copy(update={"rules": tuple(_in_node(rule, node, test) for rule in entry.rules)})
    return _in_node(entry, node, test) if isinstance(entry, Node) else entry


def _in_node(node: N, old: Node, test: str) -> N:
    """The tree with the criterion's test replaced where it is word for word the same."""
    if node.id == old.id and node.test == old.test:
        return node.model_copy(update={"test": test})
    if not branches(node):
        return node
    kids = tuple(_in_node(child, old, test) for child in branches(node))
    if node.at_least is not None:
        return node.model_copy(update={"at_least": AtLeast(n=node.at_least.n, of=kids)})
    name = next(name for name in ("all", "any", "none") if getattr(node, name) is not None)
    return node.model_copy(update={name: kids})


def _dated(parameter: Parameter, change: RuleChange, document: Document) -> Parameter:
    new = DatedValue(**{"from": change.from_on}, value=change.value, document=document.id, clause=change.clause, quote=change.quote, basis="V-page", checked_on=change.published_at.date())
    kept = [v for v in parameter.values if v.from_ != change.from_on]
    return parameter.model_copy(update={"values": tuple(sorted([*kept, new], key=lambda v: v.from_))})


def _document(change: RuleChange) -> Document:
    return Document(id=f"{PUBLISHED}{change.id or 0}", number=change.document, title=change.document, effective_from=change.from_on, status="in_force", note=change.reason)
