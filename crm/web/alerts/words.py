"""An alert in words: the interval against its threshold, the evidence line by line, what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm.alerts.models import ESCALATIONS, STATES
from crm.alerts.watches import RULES as WATCHES
from crm.core import money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from crm.alerts.models import Alert, AlertEvent
    from crm.security.models import User

LEVELLED = frozenset({"raised", "worsened", "eased"})
SMALLEST_ROUGH = 100  # 万元
WIDTH = 136  # of the drawing, in its own units
EVENTS = {
    "raised": "提出预警", "worsened": "变得更严重", "eased": "有所缓和", "acknowledged": "认领", "snoozed": "暂缓", "reopened": "重新打开",
    "resolved": "解除", "expired": "期限已过", "released": "放回待认领", "woken": "暂缓到期", "note": "备注", "assigned": "指派", "attached": "关联",
    "noted": "答复", "detached": "移除关联", "task_done": "完成任务", "muted": "免打扰", "undone": "撤销上一步", "escalated": "逐级提醒",
}
"""Kind of an event -> what happened."""
REASONS = {"worsened": "变得更严重", "snooze_over": "暂缓到期", "mute_over": "免打扰到期"}
SUBJECTS = {"register": "入库起点", "titles": "", "visit": "", "monthly": ""}
"""What a near threshold is about; a title is shown by its own name."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A projection drawn against a threshold, 40 % either side of it. Money in 元, places in drawing units."""

    low: int
    mid: int
    high: int
    threshold: int | None

    @property
    def _ends(self) -> tuple[int, int]:
        """The scale; what lies outside is drawn at its edge."""
        middle = self.threshold or self.mid
        return middle * 6 // 10, max(middle * 14 // 10, 1)

    def _x(self, yuan: int) -> float:
        first, last = self._ends
        return round(min(max((yuan - first) / max(last - first, 1), 0), 1) * WIDTH, 1)

    @property
    def x_low(self) -> float:
        """Left end of the band."""
        return self._x(self.low)

    @property
    def width(self) -> float:
        """Of the band; 0 when nothing is uncertain any more."""
        return round(self._x(self.high) - self._x(self.low), 1)

    @property
    def x_mid(self) -> float:
        """Middle of the tick, which is 3 wide and stays inside."""
        return min(max(self._x(self.mid), 1.5), WIDTH - 1.5)

    @property
    def x_threshold(self) -> float | None:
        """Of the dashed line."""
        return self._x(self.threshold) if self.threshold else None

    @property
    def mid_text(self) -> str:
        """The middle without its unit."""
        return rough(self.mid).rpartition(" ")[0]

    @property
    def unit(self) -> str:
        """Of the middle."""
        return rough(self.mid).rpartition(" ")[2]

    @property
    def same_unit(self) -> bool:
        """Whether both ends are written in the unit of the middle."""
        return {rough(v).rpartition(" ")[2] for v in (self.low, self.high)} == {self.unit}

    @property
    def range_text(self) -> str:
        """Both ends; the unit stands once when it is the same. Nothing where the year is settled: a firm that stopped."""
        if self.low == self.high:
            return ""
        low, high = rough(self.low), rough(self.high)
        return f"{low.split(' ')[0]}–{high.split(' ')[0]}" if self.same_unit else f"{low}–{high}"

    @property
    def spoken(self) -> str:
        """What a screen reader says instead of the drawing."""
        line = f"，门槛 {money.human(self.threshold)}" if self.threshold else ""
        return f"预计全年 {rough(self.mid)}，80% 区间 {rough(self.low)} 至 {rough(self.high)}{line}"

    @property
    def scale(self) -> tuple[str, str]:
        """Both ends of the scale in words."""
        first, last = self._ends
        return money.human(first), money.human(last)


@dataclass(frozen=True, slots=True)
class Line:
    """One fact: label, figure, unit, and the exact figure for the hover."""

    label: str
    value: str
    unit: str = ""
    exact: str = ""


def yuan(label: str, value: int | None) -> Line | None:
    """A line of money; None when there is no figure."""
    if value is None:
        return None
    figure, _, unit = money.human(value).rpartition(" ")
    return Line(label, figure, unit, money.exact(value))


def percent(label: str, value: float | None, digits: int = 1) -> Line | None:
    """A line of a share given as 0–1."""
    return None if value is None else Line(label, f"{value * 100:.{digits}f}".replace("-", "−"), "%")


def interval_of(evidence: dict[str, Any]) -> Interval | None:
    """The projection of an alert, when its evidence holds one."""
    if evidence.get("projected") is None:
        return None
    middle = evidence["projected"]
    return Interval(evidence.get("projected_low", middle), middle, evidence.get("projected_high", middle), evidence.get("line"))


def months_text(evidence: dict[str, Any]) -> str:
    """'1–9 月': the months the cumulative figure covers; January is never alone."""
    months = evidence.get("months")
    return f"1–{months} 月" if months and months > 1 else "1 月" if months else "本年"


def figures(evidence: dict[str, Any]) -> list[Line]:
    """What the alert rests on, in the order a person reads it: so far, year before, projection, what is needed, silences."""
    span, year = months_text(evidence), (evidence.get("data_to") or evidence.get("as_of") or "")[:4]
    lines = [
        yuan(f"{year} 年 {span}营业收入", evidence.get("ytd")),
        yuan("去年同期", evidence.get("ytd_prior")),
        percent("同比", evidence.get("ytd_change")),
        yuan("去年全年", evidence.get("last_year")),
        percent("去年同期占全年", evidence.get("share_of_year")),
        _estimate("全年预计", evidence.get("projected")),
        _range(evidence),
        yuan("入库起点", evidence.get("line")),
        _chance(evidence),
        yuan("余下每月需", evidence.get("needed_per_month")),
        _count("连续未报", evidence.get("months_missing"), "个月"),
        _count("连续零用电", evidence.get("months_without_power"), "个月"),
        _power("最近一月用电", evidence.get("electricity")),
        _power("去年同月用电", evidence.get("electricity_before")),
    ]
    return [line for line in lines if line is not None]


def rough(value: int) -> str:
    """An estimate: whole 万元 from 100 万 up to 1 亿, else as figures are written. Nobody knows the 元 of a year to come."""
    wan = round(value / money.WAN)
    return f"{wan:,} 万元".replace("-", "−") if SMALLEST_ROUGH <= abs(wan) < money.YI // money.WAN else money.human(value)


def _chance(evidence: dict[str, Any]) -> Line | None:
    """A projection is never sure while months are to come."""
    value, label = evidence.get("probability"), "跌破起点的可能"
    if value is None:
        return None
    if evidence.get("months") != 12 and not 0.01 <= value <= 0.99:
        return Line(label, "99 以上" if value > 0.5 else "不到 1", "%")
    return percent(label, value, 0)


def _estimate(label: str, value: int | None) -> Line | None:
    if value is None:
        return None
    figure, _, unit = rough(value).rpartition(" ")
    return Line(label, figure, unit, money.exact(value))


def _range(evidence: dict[str, Any]) -> Line | None:
    interval = interval_of(evidence)
    return None if interval is None or not interval.range_text else Line("80% 区间", interval.range_text, interval.unit if interval.same_unit else "")


def _count(label: str, value: int | None, unit: str) -> Line | None:
    return Line(label, str(value), unit) if value else None


def _power(label: str, value: int | None) -> Line | None:
    return None if value is None else Line(label, f"{value:,}", "千瓦时")


def notes(evidence: dict[str, Any]) -> list[str]:
    """Which condition was met, how the projection was made, and what speaks against it."""
    found = [f"命中：{evidence['reason']}。"] if evidence.get("reason") else []
    if evidence.get("stopped_on"):
        found.append(f"登记的事件日期 {evidence['stopped_on']}。")
    if evidence.get("method_label"):
        found.append(f"{evidence['method_label']}，用到 {evidence.get('months', 0)} 个月的累计数。区间为 80%，宽度取自历年实际结果：先用上市公司，本地满一年后用本地企业。")
    return found


def sources(evidence: dict[str, Any], alert: Alert) -> list[str]:
    """Where it comes from: data month, day of evaluation, rule and its version, and that the level is ours."""
    found = [] if alert.rule in WATCHES or evidence.get("titles") else [f"数据截至 {evidence['data_to']}" if evidence.get("data_to") else "没有本期数据"]
    found.append(f"{evidence.get('as_of') or alert.seen_on} 评估")
    version = (evidence.get("pack_hash") or alert.pack_hash or "")[:19].removeprefix("sha256:")
    rule = f"规则“{evidence.get('rule_label', alert.rule)}”，{evidence.get('pack', '')} 规则包版本 {version[:12]}"
    basis = evidence.get("basis_label") or "系统默认，非政策"
    return ["，".join(found) + "。", f"{rule}。级别依据：{basis}。"]


def handled(alert: Alert, owner: str | None) -> str:
    """What stands in the list instead of the button."""
    if alert.state == "acknowledged":
        return f"{owner or '有人'} 已认领"
    if alert.state == "snoozed":
        return f"暂缓到 {alert.snoozed_until}" if alert.snoozed_until else STATES["snoozed"]
    if alert.state == "in_hand":
        return f"{owner or '有人'} 办理中"
    if alert.state == "muted":
        return f"免打扰到 {alert.muted_until}" if alert.muted_until else STATES["muted"]
    if alert.state == "expired":
        return STATES["expired"]
    if alert.state == "resolved":
        return f"已解除{'：' + alert.resolution if alert.resolution else ''}"
    return ""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of an alert's history. `by` None: the nightly run."""

    words: str
    level: str | None
    note: str | None
    at: datetime
    by: int | None
    who: str


def story(events: Sequence[tuple[AlertEvent, User | None]]) -> list[Told]:
    """The history, newest first; a level is repeated only where it changed."""
    told: list[Told] = []
    for event, user in events:
        words = EVENTS.get(event.kind, event.kind)
        detail = event.detail or {}
        if event.kind == "snoozed" and detail.get("until"):
            words = f"暂缓到 {detail['until']}"
        if event.kind == "assigned" and detail.get("name"):
            words = f"指派给 {detail['name']}"
        if event.kind == "muted" and detail.get("until"):
            words = f"免打扰到 {detail['until']}"
        if event.kind == "escalated":
            words = f"没有处理，转{ESCALATIONS[min(detail.get('to', 1), len(ESCALATIONS) - 1)]}"
        if event.kind == "reopened" and detail.get("why") in REASONS:
            words = f"重新打开：{REASONS[detail['why']]}"
        who = user.get_full_name().strip() if user else "夜间评估"
        told.append(Told(words, event.level if event.kind in LEVELLED else None, event.note or detail.get("reason"), event.at, event.by, who))
    return told
