"""What happened to a firm: register, titles, stages, moves, verdicts that changed, events. Newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.core.clock import local
from crm.criteria.models import Transition
from crm.enterprises.models import EnterpriseEvent
from crm.enterprises.queries import get_visible
from crm.ladder.models import MOVE_STATES, STAGES, Move, RegisterMembership, StageEntry, TitleGrant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.security.access import Access

EVENTS = {
    "suspended": "停产停业", "resumed": "恢复生产经营", "new_build_in_production": "新建项目投产", "abnormal_operation": "列入经营异常名录",
    "moved": "迁移", "revoked": "吊销营业执照", "cancelled": "注销", "moved_out": "迁出", "ceased": "歇业",
}
STATES = {"met": "符合", "unmet": "未达", "unknown": "缺数据", "not_in_force": "无现行规定"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline. `is_official`: an authority's fact, drawn as a filled dot; else our own work or a verdict."""

    on: date
    kind: str  # register | title | stage | move | verdict | event
    text: str
    detail: str | None
    is_official: bool


def history(session: Session, access: Access, enterprise_id: int, *, label: Callable[[str], str] = str, limit: int = 60) -> list[Entry]:
    """The newest `limit` entries. `label` names titles, items and places (a pack's `label`). Seven queries."""
    get_visible(session, access, enterprise_id)
    found = [
        *_register(session, enterprise_id), *_titles(session, enterprise_id, label), *_stages(session, enterprise_id),
        *_moves(session, enterprise_id, label, limit), *_verdicts(session, enterprise_id, label, limit), *_events(session, enterprise_id),
    ]
    return sorted(found, key=lambda entry: entry.on, reverse=True)[:limit]


def _register(session: Session, firm: int) -> Iterator[Entry]:
    for stay in session.scalars(select(RegisterMembership).where(RegisterMembership.enterprise_id == firm)):
        yield Entry(stay.entered_on, "register", "首次入库" if stay.entry == "first" else "重返入库", stay.document, is_official=True)
        if stay.exited_on:
            yield Entry(stay.exited_on, "register", "退库", stay.exit_reason, is_official=True)


def _titles(session: Session, firm: int, label: Callable[[str], str]) -> Iterator[Entry]:
    for grant in session.scalars(select(TitleGrant).where(TitleGrant.enterprise_id == firm)):
        verb = "认定" if grant.kind == "first" else "复核通过"
        until = f"有效期至 {grant.valid_to.isoformat()}" if grant.valid_to else grant.document
        yield Entry(grant.granted_on, "title", f"{verb}{label(grant.title)}", until, is_official=True)
        if grant.revoked_on:
            yield Entry(grant.revoked_on, "title", f"撤销{label(grant.title)}", grant.document, is_official=True)


def _stages(session: Session, firm: int) -> Iterator[Entry]:
    for stage in session.scalars(select(StageEntry).where(StageEntry.enterprise_id == firm)):
        name = STAGES.get(stage.stage, stage.stage)
        yield Entry(stage.on, "stage", f"上市进程：{name}", stage.board or stage.document, is_official=True)
        if stage.ended_on:
            yield Entry(stage.ended_on, "stage", f"上市进程终止：{name}", stage.document, is_official=True)


def _moves(session: Session, firm: int, label: Callable[[str], str], limit: int) -> Iterator[Entry]:
    for move in session.scalars(select(Move).where(Move.enterprise_id == firm).order_by(Move.id.desc()).limit(limit)):
        day = local(move.decided_at).date() if move.decided_at else move.proposed_on
        text = f"{label(move.from_place)} → {label(move.to_place)}（{MOVE_STATES[move.state]}）"
        yield Entry(day, "move", text, move.decision_reason or move.reason, is_official=False)


def _verdicts(session: Session, firm: int, label: Callable[[str], str], limit: int) -> Iterator[Entry]:
    query = select(Transition).where(Transition.enterprise_id == firm, Transition.before.is_not(None))
    for change in session.scalars(query.order_by(Transition.id.desc()).limit(limit)):
        text = f"{label(change.item)}：{STATES.get(change.before or '', '未评估')} → {STATES.get(change.after, change.after)}"
        yield Entry(change.on, "verdict", text, None, is_official=False)


def _events(session: Session, firm: int) -> Iterator[Entry]:
    for event in session.scalars(select(EnterpriseEvent).where(EnterpriseEvent.enterprise_id == firm)):
        yield Entry(event.on, "event", EVENTS.get(event.kind, event.kind), event.note, is_official=event.source != "visit")
