"""The list's filters as they stand in the URL, and the chips that say which are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from crm.alerts.models import LEVEL_NAMES
from crm.enterprises.models import STATUSES
from crm.ladder.queries import Filters
from crm.ladder.queries.firms import NOBODY
from crm.web.address import choice, here, whole, words
from crm.web.packs import label, ladder_here, pool_labels, title_labels
from crm.web.page import access

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZES = {"large": "大型", "medium": "中型", "small": "小型", "micro": "微型"}
REGISTER = {"in": "在库", "out": "不在库", "should": "应入未入"}
NEAR = {"1": "只差一条", "2": "差两条以内", "3": "差三条以内"}
LONGEST_CODE = 12


def read() -> Filters:
    """What the URL asks for; odd values count as absent."""
    near, ladder = choice("near", NEAR), ladder_here()
    return Filters(
        q=words("q"), region=code("region"), zone=words("zone", 16), place=choice("place", ladder.places), pool=choice("pool", pool_labels()),
        title=choice("title", title_labels()), level=choice("level", LEVEL_NAMES), near=int(near) if near else None, size=choice("size", SIZES),
        officer=_officer(), industry=code("industry", 4), step=choice("step", ladder.steps), group=words("group", 48),
        register=choice("register", REGISTER), status=choice("status", STATUSES),
    )


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on; `href` is the page without it."""

    name: str
    text: str
    href: str

    @property
    def is_extra(self) -> bool:
        """Whether no button of the list's own shows that it is on."""
        return (self.name, self.text) not in {("near", NEAR["1"]), ("level", "预警 红"), ("register", REGISTER["should"]), ("officer", "我联系的")} and self.name != "place"


def chips(filters: Filters, names: Mapping[str, str], officers: Mapping[int, str]) -> list[Chip]:
    """One chip per filter. `names` are the regions and zones the page knows by code."""
    words_for = {
        "q": lambda v: f"“{v}”", "region": lambda v: names.get(v, v), "zone": lambda v: names.get(v, v), "place": label, "pool": pool_labels().get,
        "title": title_labels().get, "level": lambda v: f"预警 {LEVEL_NAMES[v]}", "near": lambda v: NEAR[str(v)], "size": SIZES.get,
        "officer": lambda v: "无人负责" if v == NOBODY else "我联系的" if v == access().user_id else officers.get(v, "某位助企干部"),
        "industry": lambda v: f"行业 {v}", "step": label, "group": label, "register": REGISTER.get, "status": STATUSES.get,
    }
    return [Chip(name, str(words_for[name](value)), here(**{name: None})) for name, value in filters.given().items()]


def code(name: str, longest: int = LONGEST_CODE) -> str | None:
    """A parameter that is a code: digits only."""
    text = request.args.get(name, "").strip()
    return text if text.isascii() and text.isdigit() and 1 < len(text) <= longest else None


def _officer() -> int | None:
    text = request.args.get("officer", "")
    if text == "me":
        return access().user_id
    return NOBODY if text == "none" else whole("officer")
