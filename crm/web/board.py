"""The pipeline board: the ladder's steps with their groups, and the moves proposed and decided on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name

from crm.alerts.models import LEVEL_NAMES
from crm.core.clock import now, today
from crm.core.errors import Invalid
from crm.core.money import human
from crm.ladder import operations
from crm.ladder.counts import tallies
from crm.ladder.models import Standing
from crm.ladder.operations.moves import DECIDERS
from crm.ladder.queries import Filters, board, cards, open_moves
from crm.ladder.queries.board import proposed
from crm.web.address import LARGEST, choice, here, words
from crm.web.enterprises.choices import counties
from crm.web.enterprises.filters import code
from crm.web.packs import label, ladder_for, ladder_here, packs, steps_here
from crm.web.page import STAFF, Page, access, db, wants_json
from crm.web.verdicts import verdicts, verdicts_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from crm.ladder.models import Move
    from crm.ladder.places import Ladder
    from crm.ladder.queries import BoardColumn, Line
    from crm.web.verdicts import Verdict

LONGEST_REASON = 1000
CARDS = 3
"""Cards of a group before "more"."""
MORE = 20
LINES = 50


class BoardPage(Page):
    """Columns are read; a move is proposed by staff and decided by managers."""

    route_base = "/board"
    permits = {"read": STAFF, "propose": STAFF, "decide": ("manager", "administrator")}

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> str:
        """A column per step, each with its groups."""
        who, wanted = access(), _filters()
        ladder = ladder_here(wanted.region)
        columns = board(db(), who, wanted, steps_here(wanted.region), limit=CARDS)
        return self.show(
            "board/board.html", columns=[_column(c, ladder) for c in columns], filters=wanted, here=here, regions=counties(), glyphs=ladder.glyphs,
            places=ladder.places, may_decide=who.has(*DECIDERS), filter_args=_kept(), **self._numbers(wanted),
        )

    @expose("/waiting")
    @has_access
    @permission_name("read")
    def waiting(self) -> str:
        """Moves that wait for a decision."""
        page = open_moves(db(), access(), _filters(), after=request.args.get("after"), limit=LINES)
        return self.show(
            "board/waiting.html", page=page, filters=_filters(), here=here, regions=counties(), label=label,
            may_decide=access().has(*DECIDERS), **self._numbers(_filters()),
        )

    @expose("/near")
    @has_access
    @permission_name("read")
    def near(self) -> ResponseReturnValue:
        """Where the list of near firms was kept before it had a page of its own."""
        return redirect(url_for("NearPage.index", **request.args))

    @expose("/cards")
    @has_access
    @permission_name("read")
    def more_cards(self) -> str:
        """Further cards of one group: a fragment for the board, a page for whoever opens the link itself."""
        wanted = _filters()
        ladder = ladder_here(wanted.region)
        step, group = choice("step", ladder.steps), words("group", 48)
        if step is None:
            raise Invalid("缺少阶段，请回到看板。", field="step")
        page = cards(db(), access(), wanted, step, group, after=request.args.get("after"), limit=MORE)
        moves = proposed(db(), [line.firm.id for line in page.rows])
        made = Group(group, label(group) if group else "其他", 0, [_card(line, moves.get(line.firm.id)) for line in page.rows], page.after)
        own = request.headers.get("X-Fragment") is None
        return self.show("board/further.html" if own else "board/cards.html", group=made, step=step, glyphs=ladder.glyphs, may_decide=access().has(*DECIDERS), filter_args=_kept())

    def _numbers(self, wanted: Filters) -> dict[str, Any]:
        """Counts of the snapshot that head the board."""
        return {"counts": tallies(db(), access(), ("all", "near", "step"), wanted.region)}

    @expose("/moves", methods=["POST"])
    @has_access
    @permission_name("propose")
    def propose(self) -> ResponseReturnValue:
        """Propose a move: `enterprise_id`, `to_place`, `reason` (needed against the verdict)."""
        given = _given()
        firm = str(given.get("enterprise_id", ""))
        if not firm.isdecimal() or int(firm[:20]) > LARGEST or not isinstance(given.get("to_place"), str):
            raise Invalid("缺少企业或目标层级，请刷新后再试。")
        move = operations.propose(db(), access(), int(firm), given["to_place"], packs=packs(), on=today(), at=now(), reason=_reason(given))
        db().commit()
        return _answer(move, f"已提出：{_arrow(move)}，待确认", 201)

    @expose("/moves/<int:move_id>/withdraw", methods=["POST"])
    @has_access
    @permission_name("propose")
    def withdraw(self, move_id: int) -> ResponseReturnValue:
        """Take an open proposal back."""
        move = operations.withdraw(db(), access(), move_id, at=now(), reason=_reason(_given()))
        db().commit()
        return _answer(move, "已撤回")

    @expose("/moves/<int:move_id>/confirm", methods=["POST"])
    @has_access
    @permission_name("decide")
    def confirm(self, move_id: int) -> ResponseReturnValue:
        """Agree: the firm's place changes from today."""
        move = operations.confirm(db(), access(), move_id, packs=packs(), on=today(), at=now(), reason=_reason(_given()))
        db().commit()
        return _answer(move, f"已确认：{_arrow(move)}")

    @expose("/moves/<int:move_id>/reject", methods=["POST"])
    @has_access
    @permission_name("decide")
    def reject(self, move_id: int) -> ResponseReturnValue:
        """Refuse, with a reason."""
        move = operations.reject(db(), access(), move_id, at=now(), reason=_reason(_given()) or "")
        db().commit()
        return _answer(move, f"已驳回：{_arrow(move)}")

    @expose("/moves/<int:move_id>/undo", methods=["POST"])
    @has_access
    @permission_name("decide")
    def undo(self, move_id: int) -> ResponseReturnValue:
        """Take the latest decision back."""
        move = operations.undo(db(), access(), move_id, packs=packs(), at=now(), reason=_reason(_given()))
        db().commit()
        return _answer(move, "已撤销刚才的决定")


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows; `ratio` per mille of the way, `days` in the stage."""

    id: int
    name: str
    place: str
    region: str
    industry: str
    left: str
    right: str
    ratio: int | None
    days: int | None
    alert_level: str | None
    move: Move | None
    verdicts: dict[str, Verdict]


@dataclass(frozen=True, slots=True)
class Group:
    """A heading with its first cards."""

    id: str | None
    label: str
    total: int
    cards: list[Card]
    after: str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A step: its name, the place it starts from, its groups."""

    step: str
    label: str
    between: str
    place: str
    total: int
    groups: list[Group]


def _filters() -> Filters:
    near = choice("near", ("1", "2", "3"))
    return Filters(
        q=words("q"), region=code("region"), level=choice("level", LEVEL_NAMES), near=int(near) if near else None,
        officer=access().user_id if request.args.get("officer") == "me" else None, industry=code("industry", 4),
    )


def _kept() -> dict[str, str]:
    """The board's filters, for the addresses of further cards."""
    return {name: request.args[name] for name in ("q", "region", "level", "near", "officer", "industry") if request.args.get(name)}


def _column(column: BoardColumn, ladder: Ladder) -> Column:
    low, high = ladder.between[column.step]
    groups = [
        Group(g.id, label(g.id) if g.id else "其他", g.total, [_card(line, column.proposed.get(line.firm.id)) for line in g.cards], g.after)
        for g in column.groups
    ]
    return Column(column.step, ladder.steps[column.step], f"{ladder.glyph(low)} → {ladder.glyph(high)}", low, column.total, groups)


def _card(line: Line, move: Move | None) -> Card:
    at, firm = line.standing, line.firm
    if at is None:  # the board reads standings: every card has one
        raise Invalid("这家企业还没有评估过。")
    left = f"{at.revenue_year} 年 {human(at.revenue_last)}" if at.revenue_last is not None else "营业收入缺数据"
    return Card(
        firm.id, firm.name, at.place, line.region_name, line.industry_name or "", left, _short(at), at.near_ratio,
        (today() - at.place_since).days if at.place_since else None, at.alert_level, move, verdicts_of(at),
    )


def _short(at: Standing) -> str:
    """How far the firm is from its next step, in a line."""
    if at.near_text:
        return at.near_text
    step = at.steps.get(at.active_step or "", {})
    item = label(step["item"], at.region_code) if step.get("item") else ""
    if step.get("unknown"):
        return f"{item}：缺 {step['unknown']} 项数据"
    return f"{item}：条件已符合" if item and not step.get("missing") else ""


def _given() -> dict[str, Any]:
    """The body of a script's message or of a form."""
    body = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    return body if isinstance(body, dict) else {}


def _reason(given: dict[str, Any]) -> str | None:
    reason = given.get("reason")
    if reason is None:
        return None
    if not isinstance(reason, str) or len(reason) > LONGEST_REASON:
        raise Invalid(f"理由最多 {LONGEST_REASON} 字，请缩短。", field="reason")
    return reason.replace("\x00", "").strip() or None


def _arrow(move: Move) -> str:
    standing = db().get(Standing, move.enterprise_id)
    ladder = ladder_for(standing.region_code if standing else None)
    return f"{ladder.glyph(move.from_place)} → {ladder.glyph(move.to_place)}（{ladder.name(move.to_place)}）"


def _answer(move: Move, message: str, status: int = 200) -> ResponseReturnValue:
    if wants_json():
        return jsonify({"id": move.id, "state": move.state, "message": message, "verdicts": verdicts(db(), move.enterprise_id)}), status
    flash(message, "success")
    back = {"waiting": "BoardPage.waiting", "today": "TodayPage.index"}.get(request.form.get("back", ""))
    if back:
        return redirect(url_for(back))
    return redirect(url_for("EnterprisePage.show_firm", enterprise_id=move.enterprise_id))


views = [BoardPage]
