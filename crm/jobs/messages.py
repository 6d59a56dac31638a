"""Messages leave: digests are bundled at their times, the outbox is sent every minute that has something to send.

A tick is recorded under its minute before the work, like the night's. What is sent is settled one by one, so a worker
that dies loses nothing and repeats one message at most, under the key the receiver knows.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import exists, select

from crm.core.errors import CrmError
from crm.core.outbound import Outbound, Refused
from crm.enterprises.models import Enterprise
from crm.enterprises.queries import visible
from crm.jobs import operations
from crm.jobs.importing import asking
from crm.jobs.models import JobRun
from crm.jobs.registry import job
from crm.notices import delivery
from crm.notices.carriers import Carrier, NeverSent, NotSent
from crm.security.vault import Vault

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.jobs.context import Context
    from crm.notices.delivery import MaySee, Parcel

log = structlog.get_logger("messages")
DIGESTS, DELIVER = "digests", "deliver"
AT_ONCE = 4
"""Messages claimed together: what a killed worker had claimed waits for its lease."""
LONGEST = 20
"""Seconds one run sends before other jobs have their turn; the next minute goes on."""
KEPT = timedelta(days=14)


def ask_for_messages(session: Session, at: datetime) -> list[str]:
    """Record a tick for what is due now: digests, deliveries. One a minute, none while one waits."""
    minute = at.replace(second=0, microsecond=0)
    due = {DIGESTS: delivery.is_digest_due(session, at) is not None, DELIVER: delivery.is_due(session, at)}
    asked = []
    for name in (name for name, is_due in due.items() if is_due):
        waits = select(exists().where(JobRun.job == name, JobRun.state.in_(("queued", "running"))))
        if not session.scalar(waits) and operations.record_tick(session, name, minute):
            asked.append(name)
    return asked


@job(DIGESTS, "汇总消息摘要", in_order=True)
def digests(context: Context) -> dict[str, Any]:
    """Bundle what is held for the digest times that have come."""
    at = context.now()
    with context.transaction() as session:
        operations.forget(session, (DIGESTS, DELIVER), at - KEPT)
        return delivery.bundle(session, at, at)


@job(DELIVER, "发送消息", in_order=True)
def deliver(context: Context) -> dict[str, Any]:
    """Send what is due, a few at a time."""
    settings = context.settings
    carrier, vault = Carrier(settings, Outbound(allow=settings.outbound_allow)), Vault(settings.key())
    counts: dict[str, int] = {"sent": 0, "queued": 0, "dead": 0}
    until, looked = time.monotonic() + LONGEST, 1
    while looked and time.monotonic() < until:
        context.check()
        with context.transaction() as session:
            parcels, looked = delivery.claim(session, context.now(), AT_ONCE, vault, settings.base_url, may_see(session))
        for parcel in parcels:
            state = _send(context, carrier, parcel)
            counts[state] = counts.get(state, 0) + 1
    return counts


def may_see(session: Session) -> MaySee:
    """Which firms a message may still name to its receiver: those of the jurisdiction as it is now."""

    def seen(user: int, firms: set[int]) -> set[int]:
        access = asking(session, user)
        return set(session.scalars(select(Enterprise.id).where(Enterprise.id.in_(firms), visible(access))))

    return seen


def _send(context: Context, carrier: Carrier, parcel: Parcel) -> str:
    error: CrmError | None = None
    try:
        carrier.send(parcel.channel, parcel.address, parcel.secret, parcel.letter, context.now())
    except CrmError as caught:
        error = caught
    except Exception as caught:  # an edge: one odd message must not hold up the others
        log.exception("message not sent", channel=parcel.channel, outbox=parcel.outbox_id)
        error = NotSent(f"{type(caught).__name__}")
    with context.transaction() as session:
        return delivery.settle(session, parcel, error, context.now(), for_good=isinstance(error, Refused | NeverSent))
