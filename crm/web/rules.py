"""条件与试算: what a pack says and rests on, read by a manager; trying another number before publishing it; publishing and taking back."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from flask import current_app, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from sqlalchemy import select

from crm.core.clock import now, today
from crm.core.errors import Invalid, NotFound
from crm.criteria import publishing
from crm.criteria.coverage import coverage
from crm.criteria.models import RuleChange
from crm.criteria.published import PUBLISHED, numbers, standing, stranded
from crm.criteria.schema import BASIS_LABELS, STATUS_LABELS
from crm.jobs.models import JobRun
from crm.jobs.operations import enqueue
from crm.jobs.queries import worker_state
from crm.jobs.trying import JOB, kept
from crm.ladder.counts import tallies
from crm.ladder.places import others_inside
from crm.ladder.queries import Filters
from crm.ladder.queries.firms import Line, lines
from crm.ladder.trial import trial
from crm.regions.queries import region_names
from crm.web.address import choice, here, whole
from crm.web.enterprises.filters import SIZES
from crm.web.packs import packs, packs_here
from crm.web.page import Page, access, db
from crm.web.people import people
from crm.web.trying import LONGEST, MOST, Change, asked, grouped, offers

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from crm.criteria.packs import Pack

MANAGERS = ("manager", "administrator")
AT_ONCE = 3_000
"""Firms tried while the page waits; more are tried in the background. About two seconds."""
LISTED, AT_FIRST = 100, 20
STATES = {"met": "符合", "unmet": "未达", "unknown": "缺数据", "not_in_force": "无现行规定", "not_applicable": "不适用", None: "（无）"}


class RulesPage(Page):
    """Packs, read; numbers, tried and published."""

    route_base = "/rules"
    permits = {"read": MANAGERS, "publish": MANAGERS}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """Documents and their status, numbers with their days, what was published, what the texts contradict, what of them is used."""
        pack, on = _pack(), today()
        changes = [c for c in standing(db()) if c.pack in pack.book.chain]
        past = list(db().scalars(select(RuleChange).where(RuleChange.pack.in_(pack.book.chain), RuleChange.revoked_at.is_not(None)).order_by(RuleChange.id.desc()).limit(20)))
        conflicts = [t for t in pack.book.targets if t.conflict or t.differing]
        covered = {d.document.id: d for d in coverage(pack)} if pack.book.documents else {}
        return self.show(
            "rules/index.html", pack=pack, inside=packs_here(), on=on, here=here, documents=[d for d in pack.book.documents if not d.id.startswith(PUBLISHED)],
            parameters=[p for p in pack.book.parameters if not p.id.startswith(PUBLISHED)], changes=changes, past=past, lost=stranded(packs(), changes), conflicts=conflicts,
            covered=covered, current={d.id for d in pack.book.documents if d.status_on(on) in {"in_force", "draft"}}, statuses=STATUS_LABELS, bases=BASIS_LABELS, numbers=numbers(pack, on), by=people(c.published_by for c in (*changes, *past)), may=_may(pack),
        )

    @expose("/trial")
    @has_access
    @permission_name("read")
    def trial(self) -> str:
        """Choose numbers and other values: who enters, who leaves, by county and size, and which firms."""
        pack, on = _pack(), today()
        many = tallies(db(), access(), ("all",)).get("all", {}).get("all", 0)
        outcome, run = None, None
        if (of := whole("run")) is not None:
            run = _run(of)
            pack = packs()[run.payload["pack"]]
            known = numbers(pack, on)
            changes, outcome = [Change(known[t], v) for t, v in run.payload["values"].items() if t in known], _outcome(run)
        else:
            known = numbers(pack, on)
            changes = asked(request.args, known)
        is_ready = bool(changes) and all(c.value and not c.error for c in changes)
        if run is None and is_ready and many <= AT_ONCE:
            outcome = trial(db(), access(), pack, {c.number.id: c.value for c in changes}, on, others=others_inside(packs(), pack))
        shown = _firms(outcome, choice("item", {row["item"] for row in outcome["items"]}) if outcome else None)
        names = region_names(db(), {row["region"] for item in outcome["items"] for row in item["by_region"] if row["region"]}) if outcome else {}
        return self.show(
            "rules/trial.html", pack=pack, inside=packs_here(), on=on, again=_again(pack, run), numbers=known, changes=changes, is_ready=is_ready, most=MOST, offers=offers(known.values()), grouped=grouped(known.values()), without=partial(_without, pack, changes),
            many=many, at_once=AT_ONCE, outcome=outcome, run=run, firms=shown, names=names, sizes={**SIZES, "unknown": "划型不明"}, states=STATES, may=_may(pack),
            worker=worker_state(db(), now()), item=request.args.get("item"), listed=LISTED, at_first=AT_FIRST,
        )

    @expose("/trial/start", methods=["POST"])
    @has_access
    @permission_name("read")
    def start(self) -> ResponseReturnValue:
        """Have it tried in the background."""
        pack, who, form = _pack(request.form.get("pack")), access(), request.form
        values = {t[:64]: v.replace("\x00", "").strip()[:LONGEST] for t, v in list(zip(form.getlist("target"), form.getlist("value"), strict=False))[:MOST]}
        if not values:
            raise Invalid("请先选一个数，再写要改成多少。", field="target")
        from crm.ladder.trial import changed  # refuses before anything is queued

        changed(pack, values, today())
        payload = {"pack": pack.id, "values": values, "on": today().isoformat(), "regions": list(who.regions), "zones": list(who.zones)}
        run = enqueue(db(), JOB, f"{who.user_id}:{now().isoformat()}", payload, by=who.user_id)
        db().commit()
        return redirect(url_for("RulesPage.trial", run=run.id))

    @expose("/trial/<int:run_id>/live")
    @has_access
    @permission_name("read")
    def live(self, run_id: int) -> ResponseReturnValue:
        """`{"state", "done", "total"}` of one's own trial."""
        run = _run(run_id)
        return jsonify({"state": run.state, "done": run.done, "total": run.total})

    @expose("/publish", methods=["POST"])
    @has_access
    @permission_name("publish")
    def publish(self) -> ResponseReturnValue:
        """A new value from a day on, with its source; everybody is evaluated again at once."""
        form, pack = request.form, _pack(request.form.get("pack"))
        try:
            from_on = date.fromisoformat(form.get("from_on", ""))
        except ValueError:
            raise Invalid("请填写起始日期，如 2026-06-01。", field="from_on") from None
        made = publishing.publish(
            db(), access(), pack, form.get("target", "")[:64], value=form.get("value", "").replace("\x00", "")[:LONGEST], from_on=from_on,
            **{name: form.get(name, "").replace("\x00", "") for name in ("document", "clause", "quote", "reason")}, on=today(), at=now(),
        )
        return _reevaluated(pack, f"published:{made.id}", "已发布。随即重新评估全部企业，结论和名单会陆续更新。")

    @expose("/changes/<int:change_id>/revoke", methods=["POST"])
    @has_access
    @permission_name("publish")
    def revoke(self, change_id: int) -> ResponseReturnValue:
        """Take a published value back."""
        made = db().get(RuleChange, change_id)
        pack = next((p for p in packs_here() if made is not None and p.id == made.pack), None)
        if made is None or pack is None:
            raise NotFound("没有这条发布记录。")
        publishing.revoke(db(), access(), pack, change_id, reason=request.form.get("reason", "").replace("\x00", ""), at=now())
        return _reevaluated(pack, f"revoked:{change_id}", "已撤销，规则包原来的数重新生效；随即重新评估全部企业。")


def _again(pack: Pack, run: JobRun | None) -> Callable[..., str]:
    """The address of this trial with one more word in it: the item looked at."""
    told = {"run": run.id} if run is not None else {"pack": pack.id, "target": request.args.getlist("target"), "value": request.args.getlist("value")}
    return lambda **more: url_for("RulesPage.trial", **told, **more)


def _without(pack: Pack, changes: list[Change], gone: Change) -> str:
    """The address of the trial without one of its numbers."""
    left = [c for c in changes if c is not gone]
    return url_for("RulesPage.trial", pack=pack.id, target=[c.number.id for c in left], value=[c.value for c in left])


def _reevaluated(pack: Pack, key: str, message: str) -> ResponseReturnValue:
    enqueue(db(), "nightly", f"{key}:{now().isoformat()}", {"as_of": today().isoformat()}, by=access().user_id)
    db().commit()
    flash(message, "success")
    return redirect(url_for("RulesPage.index", pack=pack.id))


def _pack(name: str | None = None) -> Pack:
    """The pack asked for, if it judges firms of the jurisdiction; else the first that does."""
    inside = packs_here()
    asked = name if name is not None else request.args.get("pack", "")
    return next((pack for pack in inside if pack.id == asked), inside[-1] if len(inside) == 1 else next((p for p in inside if p.region), inside[0]))


def _may(pack: Pack) -> bool:
    return access().has(*MANAGERS) and pack.region is not None and access().covers(pack.region)


def _run(run_id: int) -> JobRun:
    """One's own trial; nobody else's."""
    run = db().get(JobRun, run_id)
    if run is None or run.job != JOB or run.asked_by != access().user_id or run.payload is None or run.payload.get("pack") not in packs():
        raise NotFound("没有这次试算，请重新试算。")
    return run


def _outcome(run: JobRun) -> dict[str, Any] | None:
    path = kept(current_app.extensions["crm_settings"].data_dir, run.id)
    if run.state != "done" or not path.is_file():
        return None
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found if found.get("asked_by") == access().user_id else None


def _firms(outcome: dict[str, Any] | None, item: str | None) -> list[tuple[Line, str, str | None, str]]:
    """The firms that move, as far as a page holds, looked up again within the jurisdiction."""
    if outcome is None:
        return []
    chosen = [move for move in outcome["moves"] if item is None or move[1] == item][:LISTED]
    found = {row[0].id: Line(*row) for row in db().execute(lines(db(), access(), Filters(ids=tuple({move[0] for move in chosen}))))} if chosen else {}
    return [(found[firm], key, before, after) for firm, key, before, after in chosen if firm in found]


views = [RulesPage]
