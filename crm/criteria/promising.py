"""What a schema cannot see of awards, targets, tasks, clusters and application windows: names that must exist, days in order.

A goal that two places of a text state differently must say so in words (`conflict`): it is shown beside both numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.criteria import quantity
from crm.criteria.expressions import ExpressionError, parse_condition
from crm.criteria.trees import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.criteria.packs import Pack
    from crm.criteria.schema import ApplicationWindow, Award, Target, Task

Trouble = tuple[str, str, str, str]
"""(section, entry, key, what is wrong and what to do)"""
REGISTERED = "above_size"
"""What a target counts that is neither a title nor a level: firms in the register."""


def check_promises(pack: Pack) -> Iterator[Trouble]:
    """Everything wrong with what a pack pays, promises and asks of units."""
    for award in pack.book.awards:
        yield from _award(pack, award)
    for target in pack.book.targets:
        yield from _target(pack, target)
    for task in pack.book.tasks:
        yield from _task(pack, task)
    for window in pack.book.application_windows:
        yield from _window(pack, window)
    questions: dict[str, str] = {}
    for award in pack.book.awards:
        for question in award.questions:
            if questions.setdefault(question.id, question.text) != question.text:
                yield "awards", award.id, question.id, f"问题 {question.id!r} 在别处文字不同；同一个问题用同一段文字，不同的换一个 id"


def _award(pack: Pack, award: Award) -> Iterator[Trouble]:
    yield from _trigger(pack, award)
    for document in award.not_beside:
        if document not in pack.documents:
            yield "awards", award.id, "not_beside", f"sources.yaml 里没有文件 {document!r}"
    if award.amount is not None and quantity.parse(award.amount).unit != "元":
        yield "awards", award.id, "amount", f"金额要带单位：{award.amount} 应如 6万元"
    yield from _conditions(pack, award)


def _trigger(pack: Pack, award: Award) -> Iterator[Trouble]:
    trigger = award.trigger
    if trigger is None:
        return
    if trigger.title is not None and trigger.title not in pack.titles:
        yield "awards", award.id, "trigger.title", f"没有称号 {trigger.title!r}；先写进 titles/*.yaml"
    if trigger.measure is not None:
        try:
            parse_condition(f"{trigger.measure} >= {trigger.line}", pack.names)
        except ExpressionError as error:
            yield "awards", award.id, "trigger.measure", str(error)


def _conditions(pack: Pack, award: Award) -> Iterator[Trouble]:
    for node, _ in walk(award.requires) if award.requires is not None else ():
        for text in (node.test, node.when):
            if text is None:
                continue
            try:
                parse_condition(text, pack.names)
            except ExpressionError as error:
                yield "awards", award.id, node.id or award.id, str(error)


def _target(pack: Pack, target: Target) -> Iterator[Trouble]:
    if target.counts is not None and target.counts not in {REGISTERED, *pack.titles, *(i.id for i in pack.book.levels)}:
        yield "targets", target.id, "counts", f"没有称号或层级 {target.counts!r}；可写称号 id、层级 id 或 {REGISTERED}"
    if target.differing and target.conflict is None:
        years = "、".join(map(str, target.differing))
        yield "targets", target.id, "values", f"{years} 年有两种写法：用 conflict 说明哪里写什么，两处都会显示"


def _task(pack: Pack, task: Task) -> Iterator[Trouble]:
    known = {t.id for t in pack.book.targets}
    for name in task.targets:
        if name not in known:
            yield "tasks", task.id, "targets", f"没有目标 {name!r}；可用：{'、'.join(sorted(known)) or '（无）'}"
    if task.lead_unit is not None and task.lead_unit in task.units:
        yield "tasks", task.id, "units", f"{task.lead_unit} 已是 lead_unit，units 里不再写"


def _window(pack: Pack, window: ApplicationWindow) -> Iterator[Trouble]:
    if window.title not in pack.titles:
        yield "application_windows", window.id, "title", f"没有称号 {window.title!r}"
    days = [day for day in (window.opens, window.closes, window.checked_to) if day is not None]
    if days != sorted(days):
        yield "application_windows", window.id, "closes", "opens、closes、checked_to 的日期要先后有序"
