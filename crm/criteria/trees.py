"""Walks the condition trees of a pack: their nodes, where a node's source comes from, replacing one by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from crm.criteria.schema import AtLeast, CriterionOverride, Entry, Item, Node, Rule, Sourced, Title

if TYPE_CHECKING:
    from collections.abc import Iterator

N = TypeVar("N", bound=Node)
_SOURCE = ("document", "clause", "quote", "basis", "checked_on")
_BRANCHES = ("all", "any", "none")


def inherit(outer: Sourced, inner: Sourced) -> Sourced:
    """The inner source, completed by the outer.

    Clause, quote and basis belong to a document: another document takes none of them. A quote belongs to a clause.
    """
    values = {name: getattr(inner, name) for name in _SOURCE}
    if inner.document is not None and inner.document != outer.document:
        handed = {"checked_on"}
    elif inner.clause is not None and inner.clause != outer.clause:
        handed = {"document", "basis", "checked_on"}
    else:
        handed = set(_SOURCE)
    for name in handed:
        if values[name] is None:
            values[name] = getattr(outer, name)
    return Sourced(**values)


def branches(node: Node) -> tuple[Node, ...]:
    """The nodes directly under a node."""
    if node.at_least is not None:
        return node.at_least.of
    return next((b for name in _BRANCHES if (b := getattr(node, name)) is not None), ())


def walk(node: Node, outer: Sourced | None = None) -> Iterator[tuple[Node, Sourced]]:
    """Every node under and including `node`, each with its source completed."""
    source = inherit(outer, node) if outer is not None else inherit(Sourced(), node)
    yield node, source
    for child in branches(node):
        yield from walk(child, source)


def replace_node(merged: dict[str, dict[str, Entry]], override: CriterionOverride) -> str | None:
    """Replace the condition with the override's id wherever it stands; says what is wrong, if anything."""
    fields = {name: getattr(override, name) for name in Node.model_fields}
    new, changed, same = Node(**fields), 0, 0
    for section in ("titles", "register", "pools", "levels", "notes"):
        for key, entry in merged[section].items():
            made, hits, equal = _in_entry(entry, new)
            changed, same = changed + hits, same + equal
            if hits:
                merged[section][key] = made
    if not changed:
        return f"没有 id 为 {override.id!r} 的条件可替换"
    return "与上级完全相同，没有作用，请删除" if changed == same else None


def _in_entry(entry: Entry, new: Node) -> tuple[Entry, int, int]:
    if isinstance(entry, Title):
        made = [_in_node(rule, new) for rule in entry.rules]
        rules = tuple(rule for rule, _, _ in made)
        return entry.model_copy(update={"rules": rules}), sum(h for _, h, _ in made), sum(e for _, _, e in made)
    if isinstance(entry, Item):
        return _in_node(entry, new)
    return entry, 0, 0


def _in_node(node: N, new: Node) -> tuple[N, int, int]:
    if node.id == new.id and not isinstance(node, Rule | Item):
        return new, 1, int(node == new)  # type: ignore[return-value]  # a plain Node takes a plain Node's place
    made = [_in_node(child, new) for child in branches(node)]
    hits, equal = sum(h for _, h, _ in made), sum(e for _, _, e in made)
    if not hits:
        return node, 0, 0
    kids = tuple(child for child, _, _ in made)
    if node.at_least is not None:
        return node.model_copy(update={"at_least": AtLeast(n=node.at_least.n, of=kids)}), hits, equal
    name = next(name for name in _BRANCHES if getattr(node, name) is not None)
    return node.model_copy(update={name: kids}), hits, equal
