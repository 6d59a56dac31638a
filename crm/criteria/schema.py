"""The shape of every pack file. Closed at every level: an unknown key, a wrong type or a bad id is refused.

`docs/packs.md` explains the forms with examples; `run.py pack schema` prints them as JSON Schema for editors.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crm.criteria import quantity

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$", max_length=64)]
"""Lower-case, dots for belonging: `srdi.rd_ratio`. Never renamed."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
Label = Annotated[str, Field(min_length=1, max_length=120)]
Industry = Annotated[str, Field(pattern=r"^\d{2,4}(-\d{2,4})?$")]
"""GB/T 4754 code or prefix, or a range of equally long prefixes: '51', '7020', '06-46'."""


def _quantity(value: str | int) -> str | int:
    quantity.parse(value)
    return value


Amount = Annotated[str | int, AfterValidator(_quantity)]
"""A number with its unit as people write it: 2000万元, 3%, 60分, 3年; bare whole numbers for counts."""
Expression = Annotated[str, Field(min_length=1, max_length=400)]
"""See docs/packs.md, 'Expressions'."""

Basis = Literal["V-page", "V-repo", "V-seed", "M", "default"]
"""How sure: read in a published page; read in a secondary source (二手来源); in one of the policy texts; recalled, to be
confirmed (待确认); our own default, never policy (系统默认，非政策)."""
BASIS_LABELS: dict[str, str] = {
    "V-page": "", "V-repo": "二手来源", "V-seed": "", "M": "待确认", "default": "系统默认，非政策",
}
STATUS_LABELS: dict[str, str] = {"draft": "草案", "in_force": "现行", "superseded": "已被取代", "repealed": "已废止"}


class Model(BaseModel):
    """Base: closed, strict, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Entry(Model):
    """Something with an id that a child pack may replace: `override: <id>` with reason and source instead of `id`.

    (crm/criteria/reading.py turns the written `override: <id>` into `id` and `override: true`.)
    """

    id: Id
    override: bool = False
    reason: str | None = None
    source: str | None = None
    drop: bool = False


class Sourced(Model):
    """Where a number or sentence comes from. What is left out is taken from the level above."""

    document: Id | None = None  # id in sources.yaml
    clause: str | None = None
    quote: str | None = None  # the document's own words, or nothing
    basis: Basis | None = None
    checked_on: date | None = None


class Document(Entry):
    """A policy text."""

    number: str | None = None
    title: Label
    issuer: str | None = None
    issued_on: date | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    status: Literal["draft", "in_force", "superseded", "repealed"]
    url: str | None = None
    note: str | None = None
    clauses: tuple[Clause, ...] = ()


class Clause(Model):
    """One clause of a document, for coverage: what of the text is a criterion, target or task and what is not."""

    id: str
    text: str


class Measure(Entry):
    """Something counted about a firm."""

    label: Label
    unit: Literal["元", "人", "年", "项", "名", "bp", "分×100", "级×10", "m²", "kWh", "kgce", "家"]
    periods: tuple[Literal["year", "month", "at"], ...] = Field(min_length=1)
    may_be_negative: bool = False
    ask: str | None = None  # how to ask the firm for it; default: 请提供{period}{label}


class Fact(Entry):
    """An event kind or a yes/no flag. `missing: no` = without a record it has not happened; else unknown."""

    label: Label
    missing: Literal["unknown", "no"] = "unknown"
    ask: str | None = None


class Measures(Model):
    """measures.yaml"""

    measures: tuple[Measure, ...] = ()
    events: tuple[Fact, ...] = ()
    flags: tuple[Fact, ...] = ()


class Sources(Model):
    """sources.yaml"""

    documents: tuple[Document, ...]


class DatedValue(Sourced):
    """What a parameter is from a day on; value null = ended."""

    from_: date = Field(alias="from")
    value: Amount | None


class Parameter(Entry):
    """A dated number used by name: `test: revenue_main >= param(step_up.line)`."""

    label: Label
    values: tuple[DatedValue, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sorted(self) -> Self:
        days = [v.from_ for v in self.values]
        if days != sorted(set(days)):
            raise ValueError("from 的日期要递增且不重复")
        return self


class Parameters(Model):
    """parameters/*.yaml"""

    parameters: tuple[Parameter, ...]


class Node(Sourced):
    """One condition: exactly one of test, all, any, at_least, none. A leaf (`test`) is a criterion with an id."""

    id: Id | None = None
    label: Label | None = None
    when: Expression | None = None  # applies only then; allowed under `all`
    test: Expression | None = None
    all: tuple[Node, ...] | None = None
    any: tuple[Node, ...] | None = None
    none: tuple[Node, ...] | None = None  # veto: each must be false
    at_least: AtLeast | None = None
    ask: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [k for k in ("test", "all", "any", "none", "at_least") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(f"test、all、any、none、at_least 必须且只能写一个（现有：{', '.join(given) or '无'}）")
        if self.test is not None and (self.id is None or self.label is None):
            raise ValueError("test 条件要有 id 和 label")
        return self


class AtLeast(Model):
    """n of the conditions."""

    n: int = Field(ge=1)
    of: tuple[Node, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.n > len(self.of):
            raise ValueError(f"{len(self.of)} 项里要满足 {self.n} 项，永远不可能")
        return self


class Band(Model):
    """One line of a scored item; the first that is met wins. One of at_least, over, at_most, under, if, else."""

    at_least: Amount | None = None
    over: Amount | None = None
    at_most: Amount | None = None
    under: Amount | None = None
    if_: Expression | None = Field(default=None, alias="if")
    else_: bool | None = Field(default=None, alias="else")
    points: Annotated[int | float, Field(ge=0)]

    @model_validator(mode="after")
    def _one(self) -> Self:
        kinds = (self.at_least, self.over, self.at_most, self.under, self.if_, self.else_)
        if sum(k is not None for k in kinds) != 1:
            raise ValueError("一档必须且只能写 at_least、over、at_most、under、if、else 之一")
        return self


class ScoreItem(Sourced):
    """An item of a score: `bands` (first match wins), `sum` (points of all that are true, capped) or `best_of`."""

    id: Id | None = None
    label: Label | None = None
    max: Annotated[int | float, Field(gt=0)]
    value: Expression | None = None
    bands: tuple[Band, ...] | None = None
    sum: tuple[Band, ...] | None = None
    best_of: tuple[ScoreItem, ...] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(x is not None for x in (self.bands, self.sum, self.best_of)) != 1:
            raise ValueError("评分项必须且只能写 bands、sum、best_of 之一")
        lines = self.bands or self.sum or ()
        if any(b.points > self.max for b in lines):
            raise ValueError("某一档的分数超过该项满分 max")
        if self.bands is not None and not (self.bands[-1].else_ and max(b.points for b in self.bands) == self.max):
            raise ValueError("bands 最后一档要写 else: true，且最高一档应等于满分 max")
        if self.value is None and any(b.if_ is None and b.else_ is None for b in lines):
            raise ValueError("at_least/over/at_most/under 要与该项的 value 比较，请写 value")
        return self


class ScorePart(Model):
    """A dimension of a score."""

    id: Id
    label: Label
    max: Annotated[int | float, Field(gt=0)]
    items: tuple[ScoreItem, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sums(self) -> Self:
        if (total := sum(i.max for i in self.items)) != self.max:
            raise ValueError(f"各项满分之和为 {total}，不等于 {self.max}")
        return self


class Score(Sourced):
    """Points from bands; in expressions `score(<score id>)`, `score(<part id>)`, compared with a number of 分."""

    id: Id
    label: Label
    max: Annotated[int | float, Field(gt=0)]
    parts: tuple[ScorePart, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sums(self) -> Self:
        if (total := sum(p.max for p in self.parts)) != self.max:
            raise ValueError(f"各维度满分之和为 {total}，不等于 {self.max}")
        return self


class Rule(Node):
    """What a title asks for one purpose from a day to a day (inclusive)."""

    purpose: Literal["award", "review"]
    from_: date = Field(alias="from")
    to: date | None = None
    score: Score | None = None


class Title(Entry):
    """An honour or certificate. Without rules it is only recorded (no test is known)."""

    label: Label
    short: str | None = None
    level: str | None = None  # 国家级, 省级, 市级
    authority: str | None = None
    valid_years: int | None = None
    yearly_update_by: Annotated[str, Field(pattern=r"^\d\d-\d\d$")] | None = None  # month-day of the yearly duty
    not_with: tuple[Name, ...] = ()  # titles whose holders are not newly recommended
    note: str | None = None
    rules: tuple[Rule, ...] = ()


class Titles(Model):
    """titles/*.yaml"""

    titles: tuple[Title, ...]


class Item(Entry, Node):
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


class AlertLevel(Model):
    """A colour of an alert; the first whose condition is met wins."""

    level: Literal["red", "orange", "yellow", "green", "grey"]
    if_: Expression | None = Field(default=None, alias="if")  # over the rule's inputs; none: everything else
    text: str | None = None


class AlertRule(Entry, Sourced):
    """An alert: its levels over named inputs (see ALERT_INPUTS in crm/criteria/alerts.py), worst first."""

    label: Label
    levels: tuple[AlertLevel, ...] = ()
    months: tuple[int, int] | None = None  # season: first and last month, inclusive
    settings: dict[str, Amount] = Field(default_factory=dict)
    note: str | None = None


class Alerts(Model):
    """alerts.yaml"""

    alerts: tuple[AlertRule, ...]


class Award(Entry, Sourced):
    """Money for an event. `undecided` = what the text does not say and a person must rule."""

    label: Label
    amount: Amount | None = None
    once: bool = True
    requires: Node | None = None
    exclusion_group: Name | None = None
    undecided: str | None = None
    note: str | None = None


class Awards(Model):
    """awards.yaml"""

    awards: tuple[Award, ...]


class TargetValue(Sourced):
    """A goal as one document states it."""

    year: int
    value: Amount | None  # null: unreadable or not stated
    at_least: bool = False
    note: str | None = None


class Target(Entry, Sourced):
    """A promised figure. Several values for one year are a contradiction: all are kept and shown."""

    label: Label
    unit: str
    kind: Literal["stock", "increment", "yearly"] = "stock"
    counts: str | None = None  # what is counted: a title id, `above_size`, a level id
    lead_unit: str | None = None
    values: tuple[TargetValue, ...] = Field(min_length=1)
    note: str | None = None


class Targets(Model):
    """targets.yaml"""

    targets: tuple[Target, ...]


class Task(Entry, Sourced):
    """Something a plan asks a unit to do."""

    label: Label
    lead_unit: str | None = None
    units: tuple[str, ...] = ()
    due: str | None = None
    note: str | None = None


class Tasks(Model):
    """tasks.yaml"""

    tasks: tuple[Task, ...]


class VisitField(Entry):
    """A field of the visit form beside the fixed ones."""

    label: Label
    kind: Literal["text", "number", "choice", "chips", "yes_no", "money", "date"]
    unit: str | None = None
    options: tuple[str, ...] = ()
    required: bool = False


class Visit(Model):
    """visit.yaml: the visit form and the head of its printed record."""

    unit_name: str
    record_title: str = "企业走访服务记录"
    series: str  # record numbers read {series}〔2026〕0001号
    kinds: tuple[str, ...] = ("实地", "电话", "线上")
    templates: tuple[str, ...] = ()  # phrases offered as chips for the summary
    fields: tuple[VisitField, ...] = ()


class Overrides(Model):
    """overrides.yaml: replace single conditions inside a parent's trees by their id."""

    criteria: tuple[CriterionOverride, ...]


class CriterionOverride(Node):
    """The new condition; its id names what it replaces."""

    reason: str
    source: str


class PackHead(Model):
    """pack.yaml"""

    contract: Literal[1]
    id: Name
    name: Label
    extends: Name | None = None
    region: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None  # GB/T 2260; firms at and below it
    note: str | None = None


class Example(Model):
    """A firm on a day and what must come out, written by someone who knows the policy."""

    name: Label
    as_of: date
    why: str | None = None
    facts: dict[str, Any]  # one enterprise of the facts file; uscc and name may be left out
    expect: Expected


class Expected(Model):
    """Only what is named is compared. States: met, unmet, unknown, not_in_force."""

    tier: str | None = None
    size_class: str | None = None
    register_: dict[str, str] | None = Field(default=None, alias="register")  # {id: state}
    pools: dict[str, str] = Field(default_factory=dict)
    levels: dict[str, str] = Field(default_factory=dict)
    titles: dict[str, str] = Field(default_factory=dict)  # {"srdi": state, "little_giant.review": state}
    scores: dict[str, str] = Field(default_factory=dict)  # {"innovative_sme": "65" or "40-65"}
    criteria: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] | None = None


class Examples(Model):
    """examples/*.yaml"""

    examples: tuple[Example, ...]


FILES: dict[str, type[Model]] = {
    "pack.yaml": PackHead, "sources.yaml": Sources, "measures.yaml": Measures, "ladder.yaml": Ladder,
    "size_class.yaml": SizeClass, "alerts.yaml": Alerts, "awards.yaml": Awards, "targets.yaml": Targets,
    "tasks.yaml": Tasks, "visit.yaml": Visit, "overrides.yaml": Overrides,
}
FOLDERS: dict[str, type[Model]] = {
    "parameters": Parameters, "titles": Titles, "examples": Examples, "measures": Measures,
}
"""Every file of a folder has the same form."""

for _model in (Document, Node, AtLeast, Rule, Item, Overrides, Example, ScoreItem):
    _model.model_rebuild()
