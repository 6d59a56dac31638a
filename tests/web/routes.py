"""Who may call what: every route of the site, written down by hand and apart from the code that decides it.

O officer, M manager, A administrator, U auditor, D department; `*` everybody signed in, `open` everybody. `away` names the object of
another county a route's argument stands for; a route that takes none has no argument to abuse.
"""

from __future__ import annotations

ROLES = {"O": "officer", "M": "manager", "A": "administrator", "U": "auditor", "D": "department"}

EXPECTED = """
static                              open
appbuilder.static                   *
Index.index                         *
SignIn.login                        open
SignIn.logout                       *
AccountPage.index                   *
AccountPage.password                *
CalendarPage.feed                   open
CalendarPage.change                 OMAD
healthz                             open
readyz                              open
metrics                             open
TodayPage.index                     OMA
EnterprisesPage.index               OMA
EnterprisesPage.suggest             OMA
EnterprisesPage.export              OMA
EnterprisesPage.assign_many         MA
EnterprisePage.show_firm            OMA    enterprise
EnterprisePage.show_figures         OMA    enterprise
EnterprisePage.show_history         OMA    enterprise
EnterpriseEditPage.new              OMA
EnterpriseEditPage.industries       OMA
EnterpriseEditPage.edit             OMA    enterprise
EnterpriseEditPage.change_status    MA     enterprise
EnterpriseEditPage.add_contact      OMA    enterprise
EnterpriseEditPage.end_contact      OMA    enterprise contact
EnterpriseEditPage.assign           MA     enterprise
EnterpriseStandingPage.enter        MA     enterprise
EnterpriseStandingPage.leave        MA     enterprise
EnterpriseStandingPage.grant        MA     enterprise
EnterpriseStandingPage.revoke       MA     enterprise title
DistancePage.show_distance          OMA    enterprise
TryPage.try_figures                 OMA    enterprise
AwardsPage.index                    MA
AwardsPage.export                   MA
AwardsPage.decide                   MA
AwardsPage.revoke                   MA     decision
AwardsPage.pay                      MA     decision
AwardsPage.unpay                    MA     payout
AwardsPage.other                    MA
AwardsPage.rule                     MA
AwardsPage.unrule                   MA     ruling
FirmAwardsPage.show_awards          OMA    enterprise
TargetsPage.index                   MA
TargetsPage.bring                   MA
TargetsPage.take_back               MA     actual
TargetsPage.advance                 MA
RulesPage.index                     MA
RulesPage.trial                     MA
RulesPage.start                     MA
RulesPage.live                      MA     +run
RulesPage.publish                   MA
RulesPage.revoke                    MA     change
NearPage.index                      OMA
NearPage.export                     OMA
BoardPage.index                     OMA
BoardPage.waiting                   OMA
BoardPage.near                      OMA
BoardPage.more_cards                OMA
BoardPage.propose                   OMA
BoardPage.withdraw                  OMA    move
BoardPage.confirm                   MA     move
BoardPage.reject                    MA     move
BoardPage.undo                      MA     move
AlertsPage.index                    OMA
AlertsPage.show_alert               OMA    alert
AlertsPage.acknowledge_many         OMA
AlertsPage.snooze_many              OMA
AlertsPage.assign_many              MA
AlertsPage.undo_many                OMA
AlertPage.acknowledge               OMA    alert
AlertPage.release                   OMA    alert
AlertPage.reopen                    OMA    alert
AlertPage.undo                      OMA    alert
AlertPage.snooze                    OMA    alert
AlertPage.mute                      MA     alert
AlertPage.assign                    MA     alert
AlertPage.resolve                   OMA    alert
AlertPage.note                      OMA    alert
AlertPage.add_task                  OMA    alert
AlertPage.attach                    OMA    alert
AlertPage.detach                    OMA    alert alert_link
AlertPage.finish_task               OMA    alert alert_link
AlertPage.say_updated               OMA    alert
AlertOverviewPage.index             MA
AlertYearPage.index                 OMA
AlertOverviewPage.effect            MA
AlertOverviewPage.bulletin          MA
AlertOverviewPage.bulletin_pdf      MA
AlertOverviewPage.bulletin_xlsx     MA
VisitsPage.index                    OMA
VisitsPage.new                      OMA
VisitsPage.create                   OMA
VisitsPage.edit                     OMA    visit_uuid
VisitsPage.update                   OMA    visit_uuid
VisitPage.show_visit                OMA    visit_uuid
VisitPage.sign                      OMA    visit_uuid
VisitPage.add_supplement            OMA    visit_uuid
VisitPage.make_record               OMA    visit_uuid
VisitPage.record_state              OMA    visit_uuid
VisitPage.record_file               OMA    visit_uuid
VisitPage.attachment                OMA    attachment_uuid
VisitFilesPage.receive              OMA    visit_uuid +file
PlansPage.index                     OMA
PlansPage.new                       MA
PlansPage.create                    MA
PlanPage.show_campaign              MA     campaign
PlanPage.export                     MA     campaign
PlanPage.share_out                  MA     campaign
PlanPage.reassign                   MA     campaign
PlanPage.end                        MA     campaign
AbsencesPage.index                  OMA
AbsencesPage.add                    OMA
AbsencesPage.end                    OMA    absence
PhonePage.shell                     open
PhonePage.worker                    open
PhonePage.manifest                  open
PhoneDataPage.session               OMA
PhoneDataPage.bundle                OMA
CasesPage.index                     OMAD
CasesPage.new                       OMA
CasesPage.show_case                 OMAD   case_uuid
CasesPage.step                      OMAD   case_uuid +step
CasesPage.file                      OMAD   case_file
CaseFiguresPage.index               OMA
CaseFiguresPage.export              OMA
DoorPage.own                        open
DoorPage.follow                     open
DoorPage.file                       open
DoorPage.code                       OMA    enterprise
UnitsPage.index                     MA
UnitsPage.add                       MA
UnitsPage.join                      MA     unit
UnitsPage.end                       MA     unit
RecordsPage.verify                  open
PapersPage.briefing                 OMA    enterprise
PapersPage.slip                     OMA    case_uuid
PapersPage.bind                     OMA
PapersPage.show_paper               OMA    paper_uuid
PapersPage.state                    OMA    paper_uuid
PapersPage.again                    OMA    paper_uuid
PapersPage.file                     OMA    paper_uuid
ImportsPage.index                   MA
ImportsPage.upload                  MA
ImportsPage.show_batch              MA     batch
ImportsPage.live                    MA     batch
ImportsPage.mapping                 MA     batch
ImportsPage.confirm                 MA     batch
ImportsPage.apply                   MA     batch
ImportsPage.discard                 MA     batch
ImportsPage.rejected                MA     batch
ImportsPage.retry                   MA     batch
ImportsPage.undo                    MA     batch
NoticesPage.index                   OMAUD
NoticesPage.open_notice             OMAUD   notice
NoticesPage.read_all                OMAUD
NoticesPage.settings                OMAUD
NoticesPage.times                   OMAUD
NoticesPage.channel                 OMAUD   +channel
NoticesPage.remove                  OMAUD   +channel
NoticesPage.try_channel             OMAUD   +channel
DeliveriesPage.index                A
DeliveriesPage.resend               A      +outbox
DeliveriesPage.resend_all           A
JobsPage.index                      MA
JobsPage.live                       MA
JobsPage.show_run                   MA     +run
JobsPage.run_now                    A      +job
JobsPage.pause                      A      +job
JobsPage.resume                     A      +job
JobsPage.cancel                     A      +run
JobsPage.run_again                  A      +run
AuditPage.index                     AU
AuditPage.check                     AU
AuditPage.export                    AU
AdminPage.index                     MA
Users.list                          A
Users.add                           A
Users.edit                          A      user
Users.reset                         A      user
Users.unlock                        A      user
Regions.list                        A
Zones.list                          A
Zones.add                           A
Zones.edit                          A      zone
Zones.delete                        A      zone
Industries.list                     A
Titles.list                         MA
Titles.add                          MA
Titles.edit                         MA     title
Register.list                       MA
Register.add                        MA
Register.edit                       MA     register
Events.list                         MA
Events.add                          MA
Events.delete                       MA     event
Contacts.list                       M
Contacts.add                        M
Contacts.edit                       M      contact
TokensApi.login                     open
TokensApi.refresh                   open
SpecApi.get                         OMA    +version
EnterprisesApi.get_list             OMA
EnterprisesApi.get                  OMA    enterprise
EnterprisesApi.post                 OM
EnterprisesApi.patch                OM     enterprise
FilingsApi.get_list                 OMA
FilingsApi.get                      OMA    filing
TitlesApi.get_list                  OMA
TitlesApi.post                      MA
RegisterApi.get_list                OMA
RegisterApi.enter                   MA
RegisterApi.leave                   MA
MovesApi.get_list                   OMA
MovesApi.post                       OMA
MovesApi.confirm                    MA     move
MovesApi.reject                     MA     move
AlertsApi.get_list                  OMA
AlertsApi.acknowledge               OMA    alert
VisitsApi.get_list                  OMA
VisitsApi.get                       OMA    visit
CasesApi.get_list                   OMA
CasesApi.get                        OMA    case
CasesApi.post                       OMA
CasesApi.step                       OMA    case +step
IntakeApi.receive                   open
"""

SHARED = {"+run": "1", "+outbox": "1", "+channel": "email", "+job": "nightly", "+version": "v1", "+file": "22222222-2222-4222-8222-222222222222", "filename": "css/app.css", "code": "X", "+step": "progress", "token": "nobody-knows", "signed": "nothing"}
"""What stands in an address that belongs to no county."""


def expectations() -> dict[str, tuple[str, list[str]]]:
    """Endpoint -> (who, the kinds of objects its arguments stand for)."""
    return {words[0]: (words[1], words[2:]) for line in EXPECTED.strip().splitlines() if (words := line.split())}


KINDS = {"/titles": "first", "/events": "suspended", "/visits": "onsite", "/cases": "finance", "/imports": "annual"}


def foreign_body(away: dict[str, object], url: str = "") -> dict[str, object]:
    """A body that names another county's objects under every name our routes read, so that nothing is refused for lack of data."""
    firm = away["enterprise"]
    return {
        "enterprise": str(firm), "enterprise_id": str(firm), "id": str(away["alert"]), "ids": str(firm), "officer_id": str(away["user"]),
        "uscc": "91331081MA2AAAAA2X", "name": "改名", "region_code": "331082", "zone_code": "331082-F01", "parent_code": "331082", "version": "1",
        "status": "cancelled", "on": "2026-09-01", "entered_on": "2026-09-01", "exited_on": "2026-09-01", "revoked_on": "2026-09-01",
        "granted_on": "2026-09-01", "title": "little_giant", "kind": next((kind for part, kind in KINDS.items() if part in url), ""), "profession": "", "exit_reason": "理由", "reason": "理由", "resolved": "yes", "lead_unit": "经信局", "note": "记一笔", "text": "补充", "until": "2026-12-01",
        "to_place": "strong", "phone": "13900000000", "role": "officer", "regions": "331082", "username": "intruder", "summary": "x", "updated": "yes",
        "award": "first_entry", "year": "2025", "state": "refused", "amount": "1", "paid_on": "2026-09-01", "document": "x", "group": "first_entry",
        "pack": "taizhou", "target": "step_up.line", "value": "1234万元", "as_of": "2026-09-01", "source": "x", "task": "x", "region": "331082", "from_on": "2026-09-01", "clause": "x", "quote": "x", "question": "award.issued_text", "option": "照此兑现", "user": str(away["user"]), "substitute": str(away["user"]), "to_on": "2199-01-01", "per_firm": "1", "officers": str(away["user"]),
        "current": "wrong", "password": "Green-hill-2026", "again": "Green-hill-2026", "uuid": "11111111-1111-4111-8111-111111111111",
    }
