"""Sign-off: a number without gaps, everything the record prints frozen with its digest, supplements afterwards."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm.exc import StaleDataError

from crm.core.clock import local
from crm.core.db import is_postgresql
from crm.core.errors import Invalid
from crm.core.signals import visit_signed
from crm.visits.errors import Changed, NotSigned
from crm.visits.models import RecordNumber, Supplement, Visit
from crm.visits.operations.freezing import freeze
from crm.visits.operations.logging import WRITERS, editable
from crm.visits.queries import get_visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.security.access import Access
    from crm.visits.schemas import LadderStatus, Letterhead

LONGEST_SUPPLEMENT = 2000


def sign_off(
    session: Session, access: Access, uuid: str, version: int, *, letterhead: Letterhead, ladder: LadderStatus | None,
    problems: Sequence[dict[str, Any]] = (), policies: Sequence[dict[str, Any]] = (), at: datetime,
) -> Visit:
    """Freeze a visit: number, contents, digest, check code. `version` is the one the user read; another raises Changed.

    `problems` and `policies` are what the record prints of them (see freezing). The number is part of the transaction:
    one that rolls back gives it back, and numbers of a series and year have no gaps. A second call raises Frozen.
    """
    visit = editable(session, access, uuid)
    if visit.version != version:
        raise Changed
    day = local(at).date()
    visit.signed_at, visit.signed_by = at, access.user_id
    try:
        session.flush()  # takes the row before the number: the loser of a race never holds one
    except StaleDataError:
        raise Changed from None
    number = next_number(session, letterhead.series, day.year)
    content = freeze(session, visit, number, letterhead, ladder, problems, policies, access.name)
    visit.number, visit.frozen = number, content
    visit.digest = digest_of(content)
    visit.check_code = visit.digest[:16].upper()
    session.flush()
    visit_signed.send(None, session=session, visit=visit)
    return visit


def supplement(session: Session, access: Access, uuid: str, text: str, at: datetime) -> Supplement:
    """Add a word to a signed record; the record itself does not change."""
    access.need(*WRITERS)
    visit = get_visible(session, access, uuid)
    if visit.signed_at is None:
        raise NotSigned
    text = text.strip()
    if not text:
        raise Invalid("请写下要补充的内容。", field="text")
    if len(text) > LONGEST_SUPPLEMENT:
        raise Invalid(f"补充说明有 {len(text)} 字，最多 {LONGEST_SUPPLEMENT} 字，请缩短。", field="text")
    added = Supplement(visit_id=visit.id, text=text, author_id=access.user_id, at=at)
    session.add(added)
    session.flush()
    return added


def next_number(session: Session, series: str, year: int) -> str:
    """{series}〔2026〕0007号. The counter's row stays locked until the transaction ends: no gaps, no doubles."""
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    statement = insert(RecordNumber).values(series=series, year=year, last=1)
    statement = statement.on_conflict_do_update(index_elements=["series", "year"], set_={"last": RecordNumber.last + 1})
    last = session.execute(statement.returning(RecordNumber.last)).scalar_one()
    return f"{series}〔{year}〕{last:04}号"


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of the frozen content, hexadecimal."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def code_for_people(code: str) -> str:
    """D71B973B9E41D958 -> D71B-973B-9E41-D958."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def record_of(visit: Visit, verify_base: str) -> dict[str, Any]:
    """What crm.reports.render takes: the frozen content with its digest, check code and verification address."""
    if visit.frozen is None or visit.check_code is None:
        raise NotSigned
    return {
        **visit.frozen, "digest": visit.digest, "check_code": code_for_people(visit.check_code),
        "verify_url": f"{visit.frozen.get('verify_base') or verify_base}/v/{visit.check_code}",
    }  # fmt: skip
