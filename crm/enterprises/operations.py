"""Verbs on firms: register, update, assign, change status, end; contacts and events. Flush, never commit.

Every verb takes `by` (user id, None for the system) and the instant or day it happens; it marks the firm changed so that
the night re-evaluates it, and returns what the audit trail needs. Where a table has no column for `by`, the audit trail
is where it is kept.
"""
# ruff: noqa: ARG001  # one shape of call for all verbs

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.core.clock import local
from crm.core.errors import Invalid
from crm.core.signals import enterprise_changed
from crm.enterprises.errors import AlreadyRegistered, Stale
from crm.enterprises.models import KINDS, STATUSES, Contact, Enterprise, EnterpriseEvent, EnterpriseSearch, FormerName, RegionStay
from crm.enterprises.names import fold, initials, name_key
from crm.enterprises.uscc import read_uscc
from crm.regions.gazetteer import load_gazetteer
from crm.regions.models import Industry, Region, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from crm.regions.gazetteer import Gazetteer

EDITABLE = frozenset({
    "uscc", "name", "short_name", "kind", "org_type", "registered_on", "registered_capital", "capital_raw", "industry_code",
    "region_code", "zone_code", "address", "latitude", "longitude", "scope", "main_products", "legal_person",
})
"""Fields `register_enterprise` and `update_enterprise` take; officer and status have verbs of their own."""


def register_enterprise(
    session: Session, values: Mapping[str, Any], *, by: int | None, at: datetime, gazetteer: Gazetteer | None = None
) -> Enterprise:
    """Enter a firm. Needs `uscc` and `name`, and `region_code` or an address that names a division.

    Raises Invalid (which field, what to do) or AlreadyRegistered.
    """
    values = _clean(session, values)
    for field, message in (("uscc", "请填写统一社会信用代码。"), ("name", "请填写企业名称。")):
        if not values.get(field):
            raise Invalid(message, field=field)
    known = session.scalar(select(Enterprise.id).where(Enterprise.uscc == values["uscc"], Enterprise.deleted_at.is_(None)))
    if known:
        raise AlreadyRegistered(values["uscc"], known)
    found = "declared"
    if not values.get("region_code"):
        values["region_code"], found = _read_region(gazetteer or load_gazetteer(session), values.get("address"))
    firm = Enterprise(
        **values, region_found=found, name_key=name_key(values["name"]), initials=initials(values["name"]), created_at=at, updated_at=at
    )
    session.add(firm)
    session.flush()
    refresh_search(session, firm)
    _changed(session, [firm.id])
    return firm


def update_enterprise(
    session: Session, firm: Enterprise, changes: Mapping[str, Any], *, version: int, by: int | None, at: datetime
) -> dict[str, tuple[Any, Any]]:
    """Change fields; returns field -> (before, after), empty when nothing differs.

    A rename keeps the former name, a move keeps the stay. `version` is the one the form was opened with: Stale when
    somebody saved since.
    """
    if firm.version != version:
        raise Stale(version, firm.version)
    changes = _clean(session, changes)
    for field in ("uscc", "name", "region_code"):
        if field in changes and not changes[field]:
            raise Invalid("此项不能为空。", field=field)
    differences = {f: (getattr(firm, f), v) for f, v in changes.items() if getattr(firm, f) != v}
    if not differences:
        return {}
    if "uscc" in differences:
        _refuse_taken(session, firm, differences["uscc"][1])
    _apply(session, firm, differences, local(at).date())
    firm.updated_at = at
    session.flush()
    if {"name", "short_name", "uscc"} & set(differences):
        refresh_search(session, firm)
    _changed(session, [firm.id])
    return differences


def assign_officer(session: Session, firms: Iterable[Enterprise], officer_id: int | None, *, by: int | None, at: datetime) -> list[int]:
    """Give firms to an officer, or to nobody; returns the ids of those whose officer changed."""
    moved = [firm for firm in firms if firm.officer_id != officer_id]
    for firm in moved:
        firm.officer_id, firm.updated_at = officer_id, at
    session.flush()
    return [firm.id for firm in moved]


def change_status(
    session: Session, firm: Enterprise, status: str, *, on: date, by: int | None, at: datetime, note: str | None = None
) -> bool:
    """Set 在营/停业/吊销/注销/迁出 as of a day, with an event in the history. False when it is so already."""
    if status not in STATUSES:
        raise Invalid(f"没有“{status}”这种企业状态。", field="status")
    if on > local(at).date():
        raise Invalid("日期不能晚于今天。", field="on")
    if firm.status == status:
        return False
    kind = "resumed" if status == "active" else status
    firm.status, firm.status_on, firm.updated_at = status, on, at
    record_event(session, firm.id, kind, on=on, source="manual", by=by, at=at, note=note)
    return True


def end_enterprise(session: Session, firm: Enterprise, *, by: int | None, at: datetime) -> None:
    """Take a record entered by mistake out of every list. Its history stays; its USCC may be registered anew."""
    firm.deleted_at = firm.updated_at = at
    session.flush()
    session.query(EnterpriseSearch).filter_by(enterprise_id=firm.id).delete()
    _changed(session, [firm.id])


def record_event(
    session: Session, enterprise_id: int, kind: str, *, on: date, source: str, by: int | None, at: datetime, note: str | None = None
) -> EnterpriseEvent:
    """Write down something that happened to a firm on a day (`suspended`, `new_build_in_production`, `abnormal_listed` …)."""
    event = EnterpriseEvent(enterprise_id=enterprise_id, kind=kind, on=on, note=note, source=source, recorded_at=at, recorded_by=by)
    session.add(event)
    session.flush()
    _changed(session, [enterprise_id])
    return event


def add_contact(
    session: Session, firm: Enterprise, *, name: str, phone: str | None = None, title: str | None = None, primary: bool = False
) -> Contact:
    """Add a person at the firm. A new primary contact takes the place of the former one."""
    if not name.strip():
        raise Invalid("请填写联系人姓名。", field="name")
    if primary:
        for other in session.scalars(select(Contact).where(Contact.enterprise_id == firm.id, Contact.is_primary)):
            other.is_primary = False
    contact = Contact(enterprise_id=firm.id, name=name.strip(), phone=fold(phone or "") or None, title=title, is_primary=primary)
    session.add(contact)
    session.flush()
    refresh_search(session, firm)
    return contact


def end_contact(session: Session, contact: Contact, *, on: date) -> None:
    """A person left; the record stays, the search forgets the phone."""
    contact.ended_on, contact.is_primary = on, False
    session.flush()
    if firm := session.get(Enterprise, contact.enterprise_id):
        refresh_search(session, firm)


def refresh_search(session: Session, firm: Enterprise) -> None:
    """Rewrite the text a firm is found by."""
    former = session.scalars(select(FormerName.name).where(FormerName.enterprise_id == firm.id))
    phones = session.scalars(select(Contact.phone).where(Contact.enterprise_id == firm.id, Contact.ended_on.is_(None), Contact.phone.is_not(None)))
    text = search_text(firm.name, firm.short_name, firm.initials, firm.uscc, [*former, *(p for p in phones if p)])
    row = session.get(EnterpriseSearch, firm.id)
    if row is None:
        session.add(EnterpriseSearch(enterprise_id=firm.id, text=text))
    else:
        row.text = text
    session.flush()


def search_text(name: str, short_name: str | None, letters: str, uscc: str, more: Iterable[str] = ()) -> str:
    """The folded text of one firm, parts separated by line ends so that no match runs across two of them."""
    return "\n".join([fold(name), fold(short_name) if short_name else "", letters, uscc.lower(), *map(fold, more)])


def _clean(session: Session, values: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(values) - EDITABLE):
        raise Invalid(f"企业没有这些字段：{'、'.join(unknown)}。")
    clean = {k: (v.strip() or None) if isinstance(v, str) else v for k, v in values.items()}
    if clean.get("uscc"):
        clean["uscc"] = read_uscc(clean["uscc"]).code
    if clean.get("kind") and clean["kind"] not in KINDS:
        raise Invalid(f"没有“{clean['kind']}”这种单位类型。", field="kind")
    for field, model, what in (("region_code", Region, "行政区划"), ("zone_code", Zone, "功能区"), ("industry_code", Industry, "行业代码")):
        if clean.get(field) and session.get(model, clean[field]) is None:
            raise Invalid(f"没有代码为 {clean[field]} 的{what}，请从列表中选择。", field=field)
    return clean


def _read_region(gazetteer: Gazetteer, address: str | None) -> tuple[str, str]:
    place = gazetteer.locate(address)
    if place.code is None:
        raise Invalid("请选择所在的县（市、区）或乡镇街道，或填写能看出属地的地址。", field="region_code")
    return place.code, "address"


def _refuse_taken(session: Session, firm: Enterprise, uscc: str) -> None:
    other = session.scalar(select(Enterprise.id).where(Enterprise.uscc == uscc, Enterprise.deleted_at.is_(None), Enterprise.id != firm.id))
    if other:
        raise AlreadyRegistered(uscc, other)


def _apply(session: Session, firm: Enterprise, differences: Mapping[str, tuple[Any, Any]], on: date) -> None:
    if "name" in differences:
        session.add(FormerName(enterprise_id=firm.id, name=firm.name, until=on))
        firm.name_key, firm.initials = name_key(differences["name"][1]), initials(differences["name"][1])
    if "region_code" in differences:
        session.merge(RegionStay(enterprise_id=firm.id, until=on, region_code=firm.region_code))
        firm.region_found = "manual"
    for field, (_, after) in differences.items():
        setattr(firm, field, after)


def _changed(session: Session, ids: list[int]) -> None:
    enterprise_changed.send(None, session=session, enterprise_ids=ids)
