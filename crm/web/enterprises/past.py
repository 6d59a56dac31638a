"""The firm's conditions of another day: which day's rules, and what was on file by which day, from the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from crm.core.clock import local, today
from crm.ladder.past import look_back
from crm.web.address import a_day
from crm.web.page import db

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.explain import Explanation
    from crm.criteria.packs import Pack
    from crm.enterprises.models import Enterprise


@dataclass(frozen=True, slots=True)
class Past:
    """What the page shows instead of today's conditions. `explanation` None: `notice` says why."""

    on: date
    known_on: date | None
    explanation: Explanation | None
    notice: str
    is_versioned: bool = True


def read(firm: Enterprise, pack: Pack) -> Past | None:
    """What `?on=&known=` asks for; None without them."""
    if not (request.args.get("on") or request.args.get("known")):
        return None
    known_on = a_day("known")
    on = a_day("on") or known_on or today()
    odd = [name for name in ("on", "known") if request.args.get(name) and a_day(name) is None]
    if odd:
        return Past(on, known_on, None, "日期看不懂，请写成 2026-06-01 的样子，或用日期框选。")
    if known_on is not None and known_on > today():
        return Past(on, known_on, None, "“只用这天为止登记的数据”不能晚于今天，请改早。")
    found = look_back(db(), pack, firm.id, on, known_on)
    filed = local(firm.created_at).date()
    notice = f"这家企业 {filed} 才登记到系统，那天还没有它的数据。" if known_on is not None and known_on < filed else ""
    return Past(on, known_on, found.explanation, notice, found.is_versioned)
