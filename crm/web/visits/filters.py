"""What the list of visits is narrowed by, read from the address or from a form that repeats it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from crm.core.clock import SHANGHAI
from crm.visits import queries
from crm.visits.models import KINDS
from crm.web import address
from crm.web.page import access

SIGNED = {"yes": True, "no": False}


def visit_filters(*, signed: bool | None = None) -> tuple[queries.Filters, str, date | None, date | None]:
    """The filters, whose visits, first and last day. An officer starts from the own ones. `signed` overrides what was asked."""
    who = access()
    whose = address.choice("whose", ("mine", "all")) or ("mine" if who.has("officer") else "all")
    since, until = address.a_day("since"), address.a_day("until")
    asked = SIGNED.get(address.choice("signed", SIGNED) or "")
    chosen = queries.Filters(
        author_id=who.user_id if whose == "mine" else None, enterprise_id=address.whole("enterprise"), kind=address.choice("kind", KINDS),
        signed=asked if signed is None else signed, since=midnight(since) if since else None, until=midnight(until + timedelta(days=1)) if until else None,
        q=address.words("q"), campaign_id=address.whole("campaign"),
    )  # fmt: skip
    return chosen, whose, since, until


def midnight(day: date) -> datetime:
    """The day's first instant in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)
