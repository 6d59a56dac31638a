"""Words and choices shared by the pages of campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.alerts.models import LEVEL_NAMES, LIVE, Alert
from crm.web.packs import label, packs_here

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Select

    from crm.criteria.packs import Pack
    from crm.criteria.schema import VisitCampaign
    from crm.visits.plans.schemas import Rule

ALERTED = {"any": "有预警", **{key: f"{name}色预警" for key, name in LEVEL_NAMES.items() if key in ("red", "orange", "yellow")}}
MANAGERS = ("manager", "administrator")


def alerted(rule: Rule) -> Select[Any] | None:
    """Firms with an alert that stands, as the rule asks; None when it asks for none."""
    if not rule.alerted:
        return None
    found = select(Alert.enterprise_id).where(Alert.state.in_(LIVE))
    return found if rule.alerted == "any" else found.where(Alert.level == rule.alerted)


def rule_words(rule: Rule) -> list[str]:
    """The rule as people read it, one condition an entry."""
    said = []
    if rule.places:
        said.append("梯度位置：" + "、".join(map(label, rule.places)))
    if rule.pools:
        said.append("培育库：" + "、".join(map(label, rule.pools)))
    if rule.alerted:
        said.append(ALERTED.get(rule.alerted, "有预警"))
    if rule.never_visited:
        said.append("从未走访")
    elif rule.unvisited_days:
        said.append(f"满 {rule.unvisited_days} 天没有走访")
    said = said or ["在营企业全部"]
    said.append("有联系干部的归本人" if rule.keep_officer else "不论原来归谁联系")
    said.append("先归本乡镇的干部" if rule.nearest else "在能看到的干部里均分")
    return said


def templates() -> list[tuple[Pack, VisitCampaign]]:
    """Campaigns the texts name, by pack."""
    return [(pack, campaign) for pack in packs_here() if pack.visit is not None for campaign in pack.visit.campaigns]


def source_of(name: str | None) -> dict[str, str | None] | None:
    """What is kept of a template with the campaign made from it; None for one no pack knows."""
    for pack, campaign in templates():
        if campaign.id == name:
            document = pack.documents.get(campaign.document or "")
            return {
                "template": campaign.id, "document": (document.number or document.title) if document else None, "status": document.status if document else None,
                "clause": campaign.clause, "quote": campaign.quote,
            }
    return None
