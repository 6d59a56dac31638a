"""Trees of conditions, and scores made of bands."""


from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from crm.criteria.schema.base import Amount, Expression, Id, Label, Model, Sourced


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


for _model in (Node, AtLeast, ScoreItem):
    _model.model_rebuild()
