"""奖补: who may claim what and why, what is excluded, what a person must rule; decisions, money paid, sums by county, a file."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

from flask import Response, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.enterprises.queries import get_visible
from crm.programmes import operations
from crm.programmes.claims import STATES as CLAIM_STATES
from crm.programmes.queries import Sums, firm_lines, lines, rulings, worth
from crm.regions.queries import region_names
from crm.reports.sheets import xlsx
from crm.security.audit import record
from crm.web.address import LARGEST, choice, here
from crm.web.enterprises.choices import counties
from crm.web.enterprises.detail import line_of, words_of
from crm.web.enterprises.export import KINDS, most
from crm.web.enterprises.filters import code
from crm.web.packs import pack_for, packs_here
from crm.web.page import STAFF, Page, access, db
from crm.web.people import people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask.typing import ResponseReturnValue

    from crm.criteria.packs import Pack
    from crm.criteria.schema import Question
    from crm.programmes.models import AwardRuling
    from crm.programmes.queries import Line

MANAGERS = ("manager", "administrator")
STAGES = {**CLAIM_STATES, "granted": "已同意", "paid": "已兑付", "refused": "不予兑现"}
BACK = 5  # years one may look back
PAGE = 50
HEAD = ("统一社会信用代码", "企业名称", "县（市、区）", "年度", "奖补", "状态", "金额（元）", "已兑付（元）", "理由", "不重复享受", "依据", "条款", "草案", "决定理由")
WIDTHS = (22, 34, 12, 8, 34, 10, 14, 14, 60, 18, 34, 16, 8, 34)


class AwardsPage(Page):
    """Awards of a year."""

    route_base = "/awards"
    permits = {"read": MANAGERS, "decide": MANAGERS, "export": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Claims of a year, with their sums and what waits for a person."""
        year, region, inside = _year(), code("region"), packs_here(code("region"))
        found = lines(db(), access(), inside, year, today(), region)
        shown, number = _filtered(found), _page()
        names = region_names(db(), {line.region_code[:6] for line in found})
        ruled = rulings(db(), inside)
        part = shown[number * PAGE : (number + 1) * PAGE]
        return self.show(
            "awards/index.html", rows=part, total=len(shown), number=number, following=(number + 1) * PAGE < len(shown), page_size=PAGE, here=here, year=year,
            years=range(today().year, today().year - BACK, -1), regions=counties(), region=region, stages=STAGES, stage=choice("stage", STAGES), award=request.args.get("award"),
            whole=_sums(found), by_county=_by(found, lambda line: line.region_code[:6]), by_award=_by(found, lambda line: line.claim.award.id), names=names,
            labels={award.id: award.label for pack in inside for award in pack.book.awards}, questions=_questions(inside, found, ruled), on=today(),
            by=people(line.decision.decided_by for line in part if line.decision), packs={p.id: p for p in inside}, query=request.query_string.decode(),
        )

    @expose("/export")
    @has_access
    @permission_name("export")
    def export(self) -> Response:
        """The list as XLSX; logged and limited by role."""
        year, region = _year(), code("region")
        inside = {pack.id: pack for pack in packs_here(region)}
        found = _filtered(lines(db(), access(), inside.values(), year, today(), region))[: most(access())]
        names = region_names(db(), {line.region_code[:6] for line in found})
        body = xlsx(HEAD, [_sheet(line, inside[line.pack], names) for line in found], "奖补", WIDTHS)
        record(db(), access(), "awards.export", "award", rows=len(found), format="xlsx", year=year, filters=dict(request.args))
        db().commit()
        name = f"qijie-awards-{year}-{today().isoformat()}.xlsx"
        return Response(body, mimetype=KINDS["xlsx"], headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"})

    @expose("/decide", methods=["POST"])
    @has_access
    @permission_name("decide")
    def decide(self) -> ResponseReturnValue:
        """Grant or refuse one claim, with a reason."""
        firm = get_visible(db(), access(), _whole("enterprise_id") or 0)
        form = request.form
        made = operations.decide(
            db(), access(), pack_for(firm.region_code), firm.id, form.get("award", "")[:64], _whole("year") or 0, state=form.get("state", ""),
            amount=_whole("amount"), reason=form.get("reason", ""), on=today(), at=now(),
        )
        return _done(f"已记录：{'同意' if made.state == 'granted' else '不予'}兑现。")

    @expose("/decisions/<int:decision_id>/revoke", methods=["POST"])
    @has_access
    @permission_name("decide")
    def revoke(self, decision_id: int) -> ResponseReturnValue:
        """Take a decision back."""
        operations.revoke(db(), access(), decision_id, at=now())
        return _done("已撤销这项决定，记录保留。")

    @expose("/decisions/<int:decision_id>/pay", methods=["POST"])
    @has_access
    @permission_name("decide")
    def pay(self, decision_id: int) -> ResponseReturnValue:
        """Record money paid."""
        operations.pay(db(), access(), decision_id, amount=_whole("amount") or 0, paid_on=_day("paid_on"), on=today(), at=now(), document=request.form.get("document"))
        return _done("已登记兑付。")

    @expose("/payouts/<int:payout_id>/revoke", methods=["POST"])
    @has_access
    @permission_name("decide")
    def unpay(self, payout_id: int) -> ResponseReturnValue:
        """Take a payout record back."""
        operations.unpay(db(), access(), payout_id, at=now())
        return _done("已撤销这条兑付记录。")

    @expose("/other", methods=["POST"])
    @has_access
    @permission_name("decide")
    def other(self) -> ResponseReturnValue:
        """Record money of another policy for the same matter."""
        firm = get_visible(db(), access(), _whole("enterprise_id") or 0)
        operations.record_other(
            db(), access(), pack_for(firm.region_code), firm.id, request.form.get("group", "")[:48], document=request.form.get("document", ""),
            amount=_whole("amount") or 0, paid_on=_day("paid_on"), on=today(), at=now(),
        )
        return _done("已登记同类资金。")

    @expose("/rulings", methods=["POST"])
    @has_access
    @permission_name("decide")
    def rule(self) -> ResponseReturnValue:
        """Choose how a question of the text is read."""
        operations.rule(db(), access(), _pack(), request.form.get("question", "")[:64], option=request.form.get("option", ""), reason=request.form.get("reason", ""), at=now())
        return _done("已裁定；逐家兑现时按这一读法办。")

    @expose("/rulings/<int:ruling_id>/revoke", methods=["POST"])
    @has_access
    @permission_name("decide")
    def unrule(self, ruling_id: int) -> ResponseReturnValue:
        """Take a ruling back."""
        operations.unrule(db(), access(), _pack(), ruling_id, at=now())
        return _done("已撤销裁定。")


class FirmAwardsPage(Page):
    """Awards of one firm."""

    route_base = "/enterprises"
    permits = {"read": STAFF}

    @expose("/<int:enterprise_id>/awards")
    @has_access
    @permission_name("read")
    def show_awards(self, enterprise_id: int) -> str:
        """Every award of the firm's pack for this year and the last: what may be claimed, what waits, why not."""
        line, on = line_of(enterprise_id), today()
        pack = pack_for(line.firm.region_code)
        found = firm_lines(db(), pack, line.firm, on, (on.year, on.year - 1))
        open_ = [row for row in found if worth(row.claim) or row.decision]
        silent = {row.claim.award.id for row in found} - {row.claim.award.id for row in open_}
        closed = list({row.claim.award.id: row for row in found if row.claim.award.id in silent}.values())
        groups = {a.exclusion_group: a.label for a in pack.book.awards if a.exclusion_group}
        return self.show(
            "awards/firm.html", tab="awards", line=line, firm=line.firm, at=line.standing, pack=pack, rows=sorted(open_, key=lambda r: list(STAGES).index(r.stage)),
            closed=closed, marks=STAGES, ruled=rulings(db(), [pack]), groups=groups, may_decide=access().has(*MANAGERS), on=on, people={}, by={}, **words_of(line.firm),
        )


def _filtered(found: list[Line]) -> list[Line]:
    stage, award = choice("stage", STAGES), request.args.get("award")
    kept = [line for line in found if (stage is None or line.stage == stage) and (not award or line.claim.award.id == award)]
    order = {name: rank for rank, name in enumerate(("undecided", "met", "granted", "pending", "unknown", "refused", "paid", "unmet"))}
    return sorted(kept, key=lambda line: (order[line.stage], -(line.amount or 0), line.enterprise_id))


def _sums(found: Iterable[Line]) -> Sums:
    sums = Sums()
    for line in found:
        sums.add(line)
    return sums


def _by(found: list[Line], key: Any) -> dict[str, Sums]:
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in found:
        groups[key(line)].append(line)
    return {name: _sums(of) for name, of in sorted(groups.items())}


def _questions(inside: list[Pack], found: list[Line], ruled: dict[tuple[str, str], AwardRuling]) -> list[dict[str, Any]]:
    """What waits for a ruling: the questions that arise among the claims shown, and those ruled already."""
    asked: dict[tuple[str, str], tuple[Question, set[int]]] = {}
    for line in found:
        for question in line.claim.questions:
            asked.setdefault((line.pack, question.id), (question, set()))[1].add(line.enterprise_id)
    every = {(pack.id, q.id): q for pack in inside for award in pack.book.awards for q in award.questions}
    for key in ruled:
        if key in every:
            asked.setdefault(key, (every[key], set()))
    may = {pack.id: access().covers(pack.region or "") for pack in inside}
    return [{"pack": pack, "question": q, "firms": len(firms), "ruling": ruled.get((pack, name)), "may": may[pack]} for (pack, name), (q, firms) in asked.items()]


def _sheet(line: Line, pack: Pack, names: dict[str, str]) -> list[Any]:
    claim = line.claim
    document = pack.documents.get(claim.award.document or "")
    return [
        line.uscc, line.name, names.get(line.region_code[:6]), claim.year, claim.award.label, STAGES[line.stage], line.amount, line.paid, claim.reason,
        claim.excluded_by, (document.number or document.title) if document else None, claim.award.clause, "草案" if claim.draft else None,
        line.decision.reason if line.decision else None,
    ]


def _year() -> int:
    years = [str(y) for y in range(today().year, today().year - BACK, -1)]
    return int(choice("year", years) or years[1])


def _page() -> int:
    text = request.args.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _whole(name: str) -> int | None:
    text = request.form.get(name, "").strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > LARGEST:
        raise Invalid("请填写整数，金额以元为单位。", field=name)
    return int(text)


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        raise Invalid("请填写日期，如 2026-06-01。", field=name) from None


def _pack() -> Pack:
    found = next((pack for pack in packs_here() if pack.id == request.form.get("pack")), None)
    if found is None:
        raise Invalid("没有这个规则包。", field="pack")
    return found


def _done(message: str) -> ResponseReturnValue:
    db().commit()
    flash(message, "success")
    firm = request.form.get("back_firm", "")
    if firm.isascii() and firm.isdigit() and len(firm) < 19:
        return redirect(url_for("FirmAwardsPage.show_awards", enterprise_id=int(firm)))
    return redirect(url_for("AwardsPage.index", **{k: v for k, v in request.args.items() if k in {"year", "region", "stage", "award", "page"}}))


views = [AwardsPage, FirmAwardsPage]
