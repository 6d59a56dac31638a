"""Days as iCalendar (RFC 5545): all-day entries, so no time zone is needed; instants are UTC. The same entries give the same bytes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from icalendar import Calendar, Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crm.reports.agenda import Entry

AGAIN = timedelta(hours=2)
"""How often a calendar should look again."""


def calendar(found: Iterable[Entry], name: str, base_url: str) -> bytes:
    """A calendar with one event an entry. `base_url` is where the pages are; its host makes the UIDs unique in the world."""
    made = Calendar()
    made.add("prodid", "-//Qijie//Agenda//ZH")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("x-wr-timezone", "Asia/Shanghai")
    made.add("refresh-interval", AGAIN, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT2H")
    host = urlsplit(base_url).hostname or "qijie"
    for entry in found:
        made.add_component(_event(entry, host, base_url))
    return made.to_ical()


def _event(entry: Entry, host: str, base_url: str) -> Event:
    event, link = Event(), base_url + entry.path
    event.add("uid", f"{entry.key}@{host}")
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("sequence", entry.version)
    event.add("dtstart", entry.on)
    event.add("dtend", entry.on + timedelta(days=1))
    event.add("summary", entry.title)
    event.add("description", f"{entry.text}\n{link}")
    event.add("url", link)
    event.add("categories", [entry.sort])
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")
    return event
