"""A small world of two counties: one of everything in each, so that "another county's object" always exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select

from crm.alerts.models import Alert, AlertLink
from crm.cases.models import Case, CaseEvent, CaseFile
from crm.criteria.models import RuleChange
from crm.enterprises.models import Contact, Enterprise, EnterpriseEvent
from crm.imports.models import ImportBatch
from crm.indicators.models import Filing
from crm.jobs.models import JobRun
from crm.ladder.models import Move, RegisterMembership, Standing, TitleGrant
from crm.notices.models import Notice, Outbox
from crm.programmes.models import AwardDecision, AwardPayout, AwardRuling
from crm.regions.models import Industry, Region, Zone
from crm.reports.models import Paper
from crm.security.models import Unit, User, UserProfile, UserRegion
from crm.targets.models import TargetActual
from crm.visits.models import Attachment, Visit
from crm.visits.plans.models import Absence, Assignment, Campaign, CampaignOfficer

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

AT = datetime(2026, 10, 20, 1, 0, tzinfo=UTC)
HOME, AWAY = "331081", "331082"
ATTACK = '<script>alert(1)</script>"\'><img src=x onerror=alert(2)>{{7*7}}'
"""A name that would show itself if any page forgot to escape."""


@dataclass
class County:
    """Keys of the one object of each kind a county has."""

    code: str
    ids: dict[str, Any] = field(default_factory=dict)


def make_regions(session: Session) -> None:
    """Province, city, two counties with a town each, a zone, an industry."""
    rows = [("330000", "浙江省", "province", None), ("331000", "台州市", "city", "330000"), (HOME, "温岭市", "county", "331000"), (AWAY, "临海市", "county", "331000")]
    rows += [(f"{code}100", f"{code}镇", "town", code) for code in (HOME, AWAY)]
    session.add_all(Region(code=c, name=n, level=level, parent_code=parent) for c, n, level, parent in rows)
    session.flush()
    session.add_all([Zone(code=f"{code}-F01", name=f"{code}开发区", parent_code=code) for code in (HOME, AWAY)])
    session.add(Industry(code="3412", name="内燃机及配件制造", level=4, parent_code=None, section="C"))
    session.flush()


def make_county(session: Session, code: str, number: int, name: str, author: int) -> County:
    """One of everything in a county."""
    county = County(code)
    firm = Enterprise(
        uscc=f"91331081MA2AAAAA{number}X", name=name, industry_code="3412", region_code=f"{code}100", name_key=name, address=name, main_products=name,
        legal_person=name[:60], created_at=AT, updated_at=AT,
    )
    session.add(firm)
    session.flush()
    key = firm.id
    visit = Visit(
        uuid=str(uuid5(NAMESPACE_URL, code)), enterprise_id=key, kind="onsite", started_at=AT, summary=name, suggestions=name, place=name[:190],
        next_step=name, author_id=author, created_at=AT, policies=[], fields={},
    )
    session.add(visit)
    session.flush()
    made = {
        "enterprise": firm,
        "visit": visit,
        "contact": Contact(enterprise_id=key, name="张三丰", phone=f"1385761234{number}", title="厂长"),
        "title": TitleGrant(enterprise_id=key, title="srdi", granted_on=date(2025, 1, 1), recorded_at=AT, document=name),
        "register": RegisterMembership(enterprise_id=key, entered_on=date(2024, 1, 1), entry="first", recorded_at=AT),
        "event": EnterpriseEvent(enterprise_id=key, kind="suspended", on=date(2026, 1, 1), note=name, source="manual", recorded_at=AT),
        "filing": Filing(enterprise_id=key, period_kind="year", period="2025", form="period", source="firm", recorded_at=AT, revenue=20_000_000),
        "alert": Alert(
            enterprise_id=key, rule="exit_risk", subject="register.industry", level="red", state="open", headline=name[:190], evidence={},
            raised_on=date(2026, 10, 1), seen_on=date(2026, 10, 20),
        ),
        "move": Move(
            enterprise_id=key, step="step_up", from_place="small", to_place="above_size", state="proposed", proposed_on=date(2026, 10, 1),
            reason=name, verdict={}, created_at=AT,
        ),
        "decision": AwardDecision(enterprise_id=key, pack="taizhou", award="first_entry", year=2025, state="granted", amount=60_000, reason=name, claim_state="undecided",
                                  pack_hash="0" * 64, decided_at=AT, decided_by=author),
        "payout": AwardPayout(enterprise_id=key, pack="taizhou", award="first_entry", exclusion_group=None, year=2025, amount=10_000, paid_on=date(2026, 9, 1), document=name[:190],
                              recorded_at=AT, recorded_by=author),
        "change": RuleChange(pack="taizhou", target=f"gone.{number}", from_on=date(2026, 9, 1), value="1元", before="2元", document=name[:190], clause="一", quote=name, reason=name,
                             published_at=AT, published_by=author),
        "actual": TargetActual(pack="taizhou", target="matrix.backbone.total", year=2029, region_code=code, value="1家", as_of=date(2026, 9, 1), source=name[:190], recorded_at=AT, recorded_by=author),
        "ruling": AwardRuling(pack="taizhou", question=f"award.q{number}", option=name[:190], reason=name, ruled_at=AT, ruled_by=author),
        "case": Case(uuid=str(uuid5(NAMESPACE_URL, code + "c")), enterprise_id=key, kind="finance", title=name[:190], detail=name, opened_at=AT, opened_by=author),
        "attachment": Attachment(
            uuid=str(uuid5(NAMESPACE_URL, code + "a")), visit_id=visit.id, role="photo", name=name[:190] + ".jpg", media_type="image/jpeg", size=3,
            sha256="0" * 64, created_at=AT, created_by=author,
        ),
        "paper": Paper(
            uuid=str(uuid5(NAMESPACE_URL, code + "p")), kind="briefing", subject=f"enterprise:{key}", title=name[:150], content={"name": name}, content_digest="0" * 64,
            check_code="0" * 15 + str(number), asked_by=author, asked_at=AT,
        ),
        "unit": Unit(name=f"{code}局", region_code=code),
        "campaign": Campaign(name=name[:80], region_code=code, from_on=date(2026, 10, 1), to_on=date(2199, 1, 1), opens_at=AT, closes_at=datetime(2199, 1, 2, tzinfo=UTC), rule={}, created_at=AT, created_by=author),
        "absence": Absence(user_id=author, substitute_id=author, from_on=date(2026, 10, 1), to_on=date(2199, 1, 1), reason=name[:200], created_at=AT, created_by=author),
        "batch": ImportBatch(kind="annual", file_name=name[:190], sha256="0" * 64, path="imports/none.csv", state="checked", created_at=AT, created_by=author),
    }
    session.add_all(made.values())
    link = AlertLink(alert_id=_flushed(session, made["alert"]), kind="task", text=name[:190], due_on=date(2026, 11, 1), at=AT, by=author)
    made["alert_link"] = link
    session.add_all([link, CampaignOfficer(campaign_id=made["campaign"].id, user_id=author), Assignment(campaign_id=made["campaign"].id, enterprise_id=key, officer_id=author, due_on=date(2026, 10, 20), created_at=AT)])
    session.add(Standing(enterprise_id=key, region_code=firm.region_code, place="small", tier="above_size", active_step="step_up", near_text=name[:120]))
    event = CaseEvent(case_id=made["case"].id, kind="opened", at=AT, by=author)
    session.add(event)
    case_file = CaseFile(
        uuid=str(uuid5(NAMESPACE_URL, code + "f")), case_id=made["case"].id, event_id=_flushed(session, event), name=name[:190] + ".jpg", media_type="image/jpeg", size=3,
        sha256="0" * 64, created_at=AT, created_by=author,
    )  # fmt: skip
    session.add(case_file)
    session.flush()
    county.ids = {kind: item.id for kind, item in made.items()} | {"visit_uuid": visit.uuid, "attachment_uuid": made["attachment"].uuid, "case_uuid": made["case"].uuid, "case_file": case_file.uuid, "paper_uuid": made["paper"].uuid}
    return county


def _flushed(session: Session, row: Any) -> int:
    session.flush()
    return int(row.id)


def make_author(session: Session, code: str) -> int:
    """Whoever wrote the county's visits; cannot sign in."""
    user = User(first_name=f"作者{code}", last_name="", username=f"author-{code}", email=f"author-{code}@example.test", active=True)
    session.add(user)
    session.flush()
    session.add_all([UserProfile(user_id=user.id), UserRegion(user_id=user.id, code=code)])
    session.flush()
    return int(user.id)


def make_world(session: Session, name: str = "大川机械", data_dir: Path | None = None) -> tuple[County, County]:
    """Both counties, committed: (home, away). With `data_dir` the uploaded file of the import is there too."""
    if data_dir is not None:
        (data_dir / "imports").mkdir(exist_ok=True)
        (data_dir / "imports" / "none.csv").write_text("统一社会信用代码,企业名称,2025年营业收入（万元）\n91331081MA2AAAAA1X,甲,2000\n", encoding="utf-8")
    make_regions(session)
    counties = []
    for number, code in enumerate((HOME, AWAY), 1):
        author = make_author(session, code)
        county = make_county(session, code, number, name, author)
        county.ids["user"] = author
        run = JobRun(job="import_check", key=f"k{number}", scheduled_for=AT, state="done")
        session.add(run)
        session.flush()
        notice = Notice(user_id=author, kind="alert", key=f"k{number}", title=name[:190], text=name, link="/alerts/1", enterprise_id=county.ids["enterprise"], at=AT)
        session.add(notice)
        session.flush()
        waiting = Outbox(key=f"email-{number}", user_id=author, channel="email", notice_id=notice.id, payload={"kind": "alert", "title": name[:190]}, state="dead", next_at=AT, created_at=AT)
        session.add(waiting)
        session.flush()
        county.ids |= {"notice": notice.id, "outbox": waiting.id}
        county.ids |= {"run": run.id, "zone": f"{code}-F01", "region": code}
        counties.append(county)
    session.commit()
    return counties[0], counties[1]


def digest(session: Session) -> dict[str, str]:
    """Table -> digest of all its rows: the same before and after when nothing was written."""
    from hashlib import sha256

    from crm.schema import metadata

    found = {}
    for table in metadata.sorted_tables:
        rows = sorted(repr(tuple(row)) for row in session.execute(select(table)))
        found[table.name] = sha256("\n".join(rows).encode()).hexdigest()
    return found
