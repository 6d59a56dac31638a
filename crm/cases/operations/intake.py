"""Where cases come in: a visit, an officer, a hotline or platform, the firm itself. The same one sent again is one case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select

from crm.cases.deadlines import accept_by
from crm.cases.life import OPEN
from crm.cases.models import KINDS, SOURCES, URGENCIES, Case, CaseEvent
from crm.cases.operations.events import append, tidy
from crm.cases.operations.files import accept, keep_files
from crm.core.bulk import insert_rows, reserve_ids
from crm.core.clock import local
from crm.core.errors import Conflict, Invalid, NotFound
from crm.core.signals import problems_raised
from crm.enterprises import queries as enterprises
from crm.enterprises.models import Enterprise
from crm.notices.operations import post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.cases.operations.files import Handed
    from crm.criteria.schema import Cases
    from crm.security.access import Access

WRITERS = ("officer", "manager", "administrator", "system")
IN_PERSON = ("visit", "officer")
"""Sources whose cases are accepted as they are written down; the others wait to be accepted."""
LONGEST = {"title": 200, "detail": 1000, "lead_unit": 128, "contact_name": 64, "contact_phone": 32, "external_no": 64}


def open_case(
    session: Session, access: Access, *, uuid: str, enterprise_id: int, title: str, at: datetime, kind: str = "other", urgency: str = "normal",
    detail: str | None = None, lead_unit: str | None = None, due_on: date | None = None, visit_id: int | None = None, source: str | None = None,
    external_no: str | None = None, contact_name: str | None = None, contact_phone: str | None = None, rules: Cases | None = None,
    handed: Handed | None = None,
) -> Case:
    """Register what a firm asks for. The same UUID, or the same number of the same source, returns the case that is there.

    `rules` give the day by which a case from outside must be accepted.
    """
    access.need(*WRITERS)
    firm = session.get(Enterprise, enterprise_id) if access.has("system") else enterprises.get_visible(session, access, enterprise_id)
    if firm is None:
        raise NotFound("没有找到这家企业。")
    source = source or ("visit" if visit_id else "officer")
    if (known := _known(session, uuid, source, external_no, firm.id)) is not None:
        return known
    given = {"title": title, "detail": detail, "lead_unit": lead_unit, "contact_name": contact_name, "contact_phone": contact_phone, "external_no": external_no}
    kept = {name: _within(name, tidy(text)) for name, text in given.items()}
    if not kept["title"]:
        raise Invalid("请写明企业要解决什么问题。", field="title")
    if kind not in KINDS or urgency not in URGENCIES or source not in SOURCES:
        raise Invalid("诉求的类型、紧急程度或来源不对，请重选。", field="kind")
    in_person = source in IN_PERSON
    case = Case(
        uuid=uuid, enterprise_id=firm.id, visit_id=visit_id, kind=kind, urgency=urgency, source=source, due_on=due_on, state="open",
        stage="accepted" if in_person else "received", accepted_at=at if in_person else None,
        accept_by=None if in_person or rules is None else accept_by(rules, local(at).date()).on, opened_at=at, opened_by=access.user_id, **kept,
    )  # fmt: skip
    files = accept(handed)
    session.add(case)
    session.flush()
    opened = append(session, case, "opened", at, access.user_id, None, {"lead_unit": case.lead_unit} if case.lead_unit else None)
    if handed is not None:
        keep_files(session, case, opened, files, access.user_id, at, handed.data_dir)
    return case


@dataclass(frozen=True, slots=True)
class Incoming:
    """A case as another system has it."""

    enterprise_id: int
    source: str
    external_no: str
    title: str
    at: datetime
    kind: str = "other"
    urgency: str = "normal"
    detail: str | None = None
    contact_name: str | None = None
    contact_phone: str | None = None


def open_many(session: Session, incoming: Sequence[Incoming], rules_of: Callable[[int], Cases], by: int | None, note: str) -> list[int]:
    """Write cases from outside down at once, in the state `open_case` gives them; returns their keys. The caller knows that none is on file.

    `rules_of`: firm's key -> the rules of its place.
    """
    ids, size = reserve_ids(session, Case, len(incoming)), len(incoming)
    given = ("enterprise_id", "source", "external_no", "title", "kind", "urgency", "detail", "contact_name", "contact_phone")
    insert_rows(session, Case, {
        "id": ids, **{name: [getattr(case, name) for case in incoming] for name in given}, "uuid": [outside_uuid(c.source, c.external_no) for c in incoming],
        "state": ["open"] * size, "stage": ["received"] * size, "opened_at": [c.at for c in incoming], "opened_by": [by] * size,
        "accept_by": [accept_by(rules_of(c.enterprise_id), local(c.at).date()).on for c in incoming], "due_provisional": [False] * size, "urged": [0] * size,
        "version": [1] * size,
    })  # fmt: skip
    insert_rows(session, CaseEvent, {
        "case_id": ids, "kind": ["opened"] * size, "at": [c.at for c in incoming], "by": [by] * size, "note": [note] * size, "detail": [None] * size,
    })  # fmt: skip
    return ids


def outside_uuid(source: str, number: str) -> str:
    """The identity of a case of another system, whichever way it comes in."""
    return str(uuid5(NAMESPACE_URL, f"qijie:{source}:{number}"))


def _known(session: Session, uuid: str, source: str, external_no: str | None, firm_id: int) -> Case | None:
    known = session.scalar(select(Case).where(Case.uuid == uuid))
    if known is None and external_no:
        known = session.scalar(select(Case).where(Case.source == source, Case.external_no == external_no))
    if known is not None and known.enterprise_id != firm_id:
        raise Conflict("这条诉求的编号已被占用，请刷新页面后再登记。")
    return known


def _within(name: str, text: str | None) -> str | None:
    if text is not None and len(text) > LONGEST[name]:
        raise Invalid(f"文字太长：{len(text)} 字，最多 {LONGEST[name]} 字，请缩短。", field=name)
    return text


def listen() -> None:
    """Connect to what visits tell; twice does nothing. Called by the application and the worker."""
    problems_raised.connect(open_from_visit)


def open_from_visit(_sender: object, *, session: Session, access: Access, visit: Any, problems: Iterable[Any], at: datetime) -> None:
    """Listener of `problems_raised`: each problem of a visit becomes a case, once."""
    for problem in problems:
        open_case(
            session, access, uuid=problem.uuid, enterprise_id=visit.enterprise_id, visit_id=visit.id, kind=problem.kind,
            urgency=problem.urgency, title=problem.title, detail=problem.detail, lead_unit=problem.lead_unit,
            due_on=problem.due_on, at=at,
        )  # fmt: skip


def supplement_by_firm(session: Session, case: Case, text: str | None, at: datetime, handed: Handed | None = None) -> None:
    """The firm adds a word or photos through its own door; nothing else of the case changes, and its officer hears of it. The same word twice is one."""
    if case.stage not in OPEN:
        raise Conflict("这条诉求已经办结，不能再补充。需要时请重新提交一条。")
    files = accept(handed)
    if not tidy(text) and not files:
        raise Invalid("请写下要补充的内容，或附上照片。", field="text")
    last = session.scalar(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1))
    if last is not None and last.kind == "supplemented" and last.note == tidy(text) and not files:
        return
    event = append(session, case, "supplemented", at, None, text)
    if handed is not None:
        keep_files(session, case, event, files, None, at, handed.data_dir)
    officer = session.scalar(select(Enterprise.officer_id).where(Enterprise.id == case.enterprise_id))
    post(
        session, to=[officer] if officer else [], kind="case", key=f"case:{case.id}:said:{event.id}", title=f"企业补充了诉求：{case.title}"[:120],
        text=(tidy(text) or "补充了照片。")[:300], link=f"/cases/{case.uuid}", at=at, enterprise_id=case.enterprise_id,
    )  # fmt: skip
