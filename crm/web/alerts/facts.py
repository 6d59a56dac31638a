"""What an alert of a rule without forecast rests on, line by line, and what changed since the evaluation before and since it was raised."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from crm.alerts.calendar import LEAVING, next_review
from crm.alerts.watches import RULES as WATCHES
from crm.alerts.watches.figures import LABELS
from crm.core import workdays
from crm.web.alerts.words import Line, percent, rough, yuan

if TYPE_CHECKING:
    from crm.alerts.models import Alert
    from crm.criteria.packs import Pack


def lines(alert: Alert, on: date) -> list[Line]:
    """Label and value of each fact kept with the alert; days are counted to today."""
    made = _LINES[alert.rule](alert.evidence, on) if alert.rule in _LINES else []
    return [line for line in made if line is not None]


def _text(label: str, value: Any, unit: str = "") -> Line | None:
    return None if value is None else Line(label, str(value), unit)


def _title(seen: dict[str, Any], on: date) -> list[Line | None]:
    end = date.fromisoformat(seen["valid_to"]) if seen.get("valid_to") else None
    return [
        _text("称号", seen.get("title")), _text("认定日期", seen.get("granted_on")), _text("有效期至", seen.get("valid_to")),
        None if end is None else _text("距到期" if end >= on else "已到期", abs((end - on).days), "天"),
        _text("年度信息更新截止", seen.get("due_on")), _text("有效期内记录的未更新", seen.get("misses") or None, "次"), _text("以前没有记录的年份", seen.get("unrecorded") or None, "年"),
    ]


def _filing(seen: dict[str, Any], _on: date) -> list[Line | None]:
    return [
        _text("最近一次报到", f"{seen['year']}-{seen['ytd_month']:02d}" if seen.get("ytd_month") else "本年没有"), _text("从哪个月起没报", f"{seen['year']}-{seen['first_month']:02d}" if seen.get("first_month") else None),
        _text("该月截止日", seen.get("deadline")), _text("未报", seen.get("missing"), "个月"),
    ]


def _figure(seen: dict[str, Any], _on: date) -> list[Line | None]:
    month = seen.get("month", 0)
    return [
        _text("指标", LABELS.get(seen.get("measure", ""), seen.get("measure"))), yuan(f"{seen.get('year')} 年 1–{month} 月累计", seen.get("now")), yuan(f"1–{month - 1} 月累计", seen.get("last_month")),
        yuan(f"上年 1–{month} 月累计", seen.get("prior")),
    ]


def _return(seen: dict[str, Any], on: date) -> list[Line | None]:
    closes = date.fromisoformat(seen["review_closes"]) if seen.get("review_closes") else None
    return [
        _text("退库日期", seen.get("left_on")), yuan("入库起点", seen.get("line")), yuan("上年营业收入", seen.get("last_year")), yuan("全年预计", seen.get("projected")),
        None if closes is None or closes < on else _text("最近的审核窗口截止（暂定）", closes.isoformat()),
    ]


def _visit(seen: dict[str, Any], on: date) -> list[Line | None]:
    last = date.fromisoformat(seen["last_visit_on"]) if seen.get("last_visit_on") else None
    return [_text("上次走访", last.isoformat() if last else "没有记录"), None if last is None else _text("距今", (on - last).days, "天")]


def _case(seen: dict[str, Any], on: date) -> list[Line | None]:
    due = date.fromisoformat(seen["due_on"])
    return [
        _text("诉求", seen.get("title")), _text("交办单位", seen.get("lead_unit") or "还没有交办"), _text("应办结", seen["due_on"]),
        _text("已超期", workdays.between(due, on), "个工作日" + ("（暂定）" if workdays.is_provisional(on) else "")),
    ]


_LINES = {
    "title_expiring": _title, "filing_missing": _filing, "figure_suspicious": _figure, "re_entry_window": _return, "visit_overdue": _visit, "case_overdue": _case,
}


def changes(evidence: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """(since when, what is different now): against the evaluation before, and against the day the alert was raised."""
    found = []
    before, first = evidence.get("before") or {}, evidence.get("first") or {}
    for label, then in (("与上次有变化时相比", before), ("与提出时相比", first if first != before else {})):
        if told := _different(then, evidence):
            found.append((f"{label}（{then.get('as_of') or '日期不详'}）", told))
    return found


def _different(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    told = []
    if then.get("data_to") and then["data_to"] != now.get("data_to"):
        told.append(f"数据从 {then['data_to']} 更新到 {now.get('data_to') or '无'}")
    if then.get("projected") is not None and now.get("projected") is not None and then["projected"] != now["projected"]:
        told.append(f"全年预计从 {rough(then['projected'])} 变为 {rough(now['projected'])}")
    chances = (percent("", then.get("probability"), 0), percent("", now.get("probability"), 0))
    if chances[0] and chances[1] and chances[0].value != chances[1].value:
        told.append(f"跌破起点的可能从 {chances[0].value}% 变为 {chances[1].value}%")
    if then.get("pack_hash") and then["pack_hash"] != now.get("pack_hash"):
        told.append("规则版本更新过")
    if then.get("headline") and then["headline"] != now.get("told") and not told:
        told.append(f"原来是：{then['headline']}")
    return told


def clause(evidence: dict[str, Any], pack: Pack) -> str | None:
    """The text a level rests on, where it rests on one."""
    document = pack.documents.get(evidence.get("document") or "")
    if document is None:
        return None
    where = f" {evidence['clause']}" if evidence.get("clause") else ""
    basis = f"（{evidence['basis_label']}）" if evidence.get("basis_label") else ""
    return f"依据：{document.number or document.title}{where}{basis}。"


def review(rule: str, pack: Pack, on: date) -> str | None:
    """When the register is next reviewed, for alerts about leaving or coming back."""
    if rule in WATCHES and rule != "re_entry_window":
        return None
    if rule not in ("exit_risk", "newly_entered_at_risk", "re_entry_window", "near_threshold"):
        return None
    window = next_review(pack, on, LEAVING if rule in ("exit_risk", "newly_entered_at_risk") else None)
    if window is None:
        return None
    opens = f"{window.opens.isoformat()} 至 " if window.opens else ""
    said = "，本年通知还没有录入，日期暂定，为系统默认，非政策" if window.is_provisional else ""
    return f"{window.rule.label}：{opens}{window.closes.isoformat()}（距截止 {(window.closes - on).days} 天{said}）。可办：{window.rule.allows}。"
