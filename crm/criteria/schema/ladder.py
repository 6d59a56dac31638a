"""ladder.yaml and size_class.yaml: places, steps, register tests, pools, levels, notes, 划型."""

# ruff: noqa: TC003  (pydantic reads annotations at run time)
from __future__ import annotations

from datetime import date

from pydantic import Field

from crm.criteria.schema.base import Amount, Entry, Expression, Id, Industry, Label, Model, Name, Sourced
from crm.criteria.schema.conditions import Node


class Item(Entry, Node):  # type: ignore[misc]  # its id is never None
    """A named condition tree of the ladder: a pool, a level, a note."""

    label: Label
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None


class RegisterTest(Item):
    """The 四上 test of some industries; the first whose industries hold the firm's code applies."""

    industries: tuple[Industry, ...] = Field(min_length=1)
    unless: tuple[Industry, ...] = ()
    profession: str | None = None


class Pool(Item):
    """A pool of the ladder (培育库 class)."""

    step: Name


class Place(Entry):
    """A place of the ladder, lowest first; the lowest has no test."""

    label: Label
    glyph: str | None = Field(default=None, max_length=1)
    requires: Node | None = None
    note: str | None = None


class Group(Model):
    """A heading in a step's board column: the first whose test is met holds the firm; one without a test takes the rest."""

    id: Id
    label: Label
    test: Expression | None = None


class Step(Entry):
    """A step between two places. `via` are the items (titles, register, pools, levels) whose distance is shown."""

    label: Label
    from_: Name = Field(alias="from")
    to: Name
    via: tuple[str, ...] = ()  # item ids; a title as `srdi` (award) or `srdi.review`; `register`
    propose: Expression | None = None  # a move is proposed when this is met; default: the test of `to`
    groups: tuple[Group, ...] = ()


class Note(Item):
    """A remark shown with a firm when its condition is met, e.g. should_register."""

    text: str


class Ladder(Model):
    """ladder.yaml"""

    places: tuple[Place, ...] = ()
    steps: tuple[Step, ...] = ()
    register_: tuple[RegisterTest, ...] = Field(default=(), alias="register")
    pools: tuple[Pool, ...] = ()
    levels: tuple[Item, ...] = ()  # named levels beside the places, e.g. matrix.backbone
    notes: tuple[Note, ...] = ()


class SizeLines(Model):
    """Lower bounds of one measure."""

    value: Expression
    small: Amount
    medium: Amount
    large: Amount


class SizeRow(Entry, Sourced):
    """划型 of some industries: level = min(level(a), level(b)); below small on any = micro."""

    label: Label
    industries: tuple[Industry, ...] = ()  # empty: every other industry
    unless: tuple[Industry, ...] = ()
    a: SizeLines
    b: SizeLines | None = None


class SizeClass(Model):
    """size_class.yaml; the first row whose industries hold the firm's code applies."""

    size_class: tuple[SizeRow, ...]
