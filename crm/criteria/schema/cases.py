"""cases.yaml: by when cases are accepted and answered. A city's file replaces its parent's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from crm.criteria.schema.base import Label, Model


class Deadline(Model):
    """So many work days. Without a document it is this product's own proposal and shown as 默认值，非政策."""

    label: Label
    days: int = Field(ge=0, le=250)
    kinds: tuple[str, ...] = ()  # empty: every kind
    urgency: Literal["normal", "simple", "urgent"] | None = None
    document: str | None = None  # as people quote it
    clause: str | None = None
    quote: str | None = None
    note: str | None = None


class CaseWords(Model):
    """Words other systems write -> what they mean here; the longest one found in a cell counts."""

    kinds: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    urgency: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    sources: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Cases(Model):
    """Deadlines of a case; the first rule of `answer` that fits is taken, the last must fit all."""

    accept: Deadline
    dispatch: Deadline  # from accepting to giving it out, or answering on the spot
    answer: tuple[Deadline, ...] = Field(min_length=1)
    extension: Deadline
    soon: int = Field(default=3, ge=0)  # work days before the deadline from which a case counts as due soon
    supervise: tuple[int, ...] = Field(default=(1, 5, 10), min_length=1)  # work days past the deadline at which it goes one level up
    requirements: tuple[Label, ...] = ()  # printed on the dispatch slip
    words: CaseWords = CaseWords()  # for cases that come in as a file

    @model_validator(mode="after")
    def _last_fits_all(self) -> Cases:
        last = self.answer[-1]
        if last.kinds or last.urgency:
            raise ValueError("answer: the last rule must fit every case; leave out kinds and urgency")
        if list(self.supervise) != sorted(set(self.supervise)):
            raise ValueError("supervise: days must rise and be different")
        return self
