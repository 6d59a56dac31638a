"""How far a firm is from one title: what is short, when each can turn, what to ask for; and what would follow from other figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import today
from crm.criteria.prospects import Distance, distance
from crm.web.enterprises import criteria
from crm.web.enterprises.detail import explained, line_of, words_of
from crm.web.packs import pack_for
from crm.web.page import STAFF, Page

if TYPE_CHECKING:
    from crm.criteria.explain import Explanation, ItemView


@dataclass(frozen=True, slots=True)
class Choice:
    """An item one can look at: a title not held, a review of one held, the register test."""

    key: str
    label: str
    text: str
    state: str
    group: str  # near | far | met


class DistancePage(Page):
    """Distance of a firm to its titles."""

    route_base = "/enterprises"
    permits = {"read": STAFF}

    @expose("/<int:enterprise_id>/distance")
    @has_access
    @permission_name("read")
    def show_distance(self, enterprise_id: int) -> str:
        """One item in full, the nearest unless another is asked for; the others as a list."""
        line = line_of(enterprise_id)
        pack = pack_for(line.firm.region_code)
        explanation, is_stale = explained(line.firm.id, pack)
        views = _views(explanation) if explanation else []
        chosen = _chosen(views)
        far = distance(explanation.pack, chosen, explanation.pack.program(explanation.on)) if explanation and chosen else None
        return self.show(
            "enterprises/distance.html", tab="distance", line=line, firm=line.firm, at=line.standing, pack=pack, explanation=explanation, is_stale=is_stale,
            choices=[_choice(view) for view in views], item=chosen, far=far, table=criteria.table(chosen) if chosen else None, asks=_asks(far), on=today(), people={},
            **words_of(line.firm),
        )


def _views(explanation: Explanation) -> list[ItemView]:
    """The register test and every title with a rule the firm could win or must keep, the nearest first."""
    return [table.item for table in criteria.tables(explanation)]


def _chosen(views: list[ItemView]) -> ItemView | None:
    asked = request.args.get("item", "")
    open_ = (view for view in views if view.state in {"unmet", "unknown"})
    return next((view for view in views if view.key == asked), None) or next(open_, None) or next(iter(views), None)


def _choice(view: ItemView) -> Choice:
    reach = view.reach
    group = "met" if view.state == "met" else "near" if max(reach.missing, reach.unknown) <= criteria.FAR else "far"
    label = f"{view.label}复核" if view.purpose == "review" and not view.label.endswith("复核") else view.label
    return Choice(view.key, label, view.text, view.state, group)


def _asks(far: Distance | None) -> tuple[str, ...]:
    return far.asks if far else ()


views = [DistancePage]
