"""What two compiled packs, or one pack on two days, say differently: entry by entry, condition by condition, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from crm.criteria.book import SECTIONS

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.packs import Pack

SECTION_LABELS = {
    "documents": "文件", "measures": "指标", "events": "事件", "flags": "是非事项", "parameters": "参数", "titles": "称号", "places": "位置",
    "steps": "阶段", "register": "规上起点", "pools": "培育库", "levels": "层级", "notes": "提示", "size_class": "划型", "alerts": "预警",
    "escalation": "逐级提醒", "review_windows": "年度审核窗口", "filing_deadlines": "报数截止日",
    "application_windows": "申报窗口", "clusters": "产业集群",
    "awards": "奖补", "targets": "目标", "tasks": "任务", "visit": "走访表", "cases": "诉求时限",
}
FIELD_LABELS = {
    "test": "条件", "label": "名称", "short": "简称", "document": "依据", "clause": "条款", "quote": "原文", "basis": "出处性质", "checked_on": "核对日",
    "value": "数值", "from": "起", "to": "止", "when": "适用", "valid_years": "有效年数", "status": "状态", "all": "全部满足", "any": "满足其一",
    "none": "不得有", "at_least": "至少满足", "note": "说明", "amount": "金额", "points": "分值", "max": "满分", "bands": "分档", "n": "项数",
    "profile": "维度分组", "mark": "标记", "of": "条件",
}
_KEYS = ("id", "purpose", "from", "year", "label")  # what tells one of a list from the others
KIND_LABELS = {"added": "新增", "removed": "取消", "changed": "改动"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry, rule or condition. `fields`: (name, before, after); empty for what was added or removed whole."""

    section: str
    path: tuple[str, ...]  # the entry's id, then what lies inside it
    label: str
    kind: Literal["added", "removed", "changed"]
    fields: tuple[tuple[str, str | None, str | None], ...] = ()

    @property
    def text(self) -> str:
        """'改动 称号 专精特新 ‹srdi › srdi.rd_ratio›：条件 “… ≥ 3%” → “… ≥ 4%”'."""
        inside = {"titles": "条件", "parameters": "数值"}.get(self.section) if len(self.path) > 1 + (self.section == "titles") else None
        head = f"{KIND_LABELS[self.kind]} {inside or SECTION_LABELS[self.section]} {self.label} ‹{' › '.join(self.path)}›"
        told = "；".join(f"{FIELD_LABELS.get(name, name)} {_said(a)} → {_said(b)}" for name, a, b in self.fields)
        return f"{head}：{told}" if told else head

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"text": self.text}


Facets = dict[tuple[str, ...], dict[str, str]]


def differences(before: Pack, after: Pack, on: tuple[date, date] | None = None) -> list[Difference]:
    """All differences, in the order of the pack's files. `on`: compare what is in force on these two days instead of all that is written."""
    days: tuple[date | None, date | None] = on or (None, None)
    old, new = _facets(before, days[0]), _facets(after, days[1])
    found = []
    for path in [*old, *(p for p in new if p not in old)]:
        was, now = old.get(path), new.get(path)
        if was == now or _parent_missing(path, old, new):
            continue
        fields = _fields(was, now) if was is not None and now is not None else ()
        kind: Literal["added", "removed", "changed"] = "added" if was is None else "removed" if now is None else "changed"
        facet = now or was or {}
        found.append(Difference(path[0], path[1:], facet.get("label") or _label(path, new, old), kind, fields))
    return found


def _parent_missing(path: tuple[str, ...], old: Facets, new: Facets) -> bool:
    """Something around it came or went as a whole, and is told already."""
    return any((path[:i] in old) != (path[:i] in new) for i in range(2, len(path)))


def _label(path: tuple[str, ...], *facets: Facets) -> str:
    """The label of the nearest thing around that has one."""
    return next((f[path[:i]]["label"] for i in range(len(path), 1, -1) for f in facets if "label" in f.get(path[:i], {})), path[-1])


def _fields(old: dict[str, str], new: dict[str, str]) -> tuple[tuple[str, str | None, str | None], ...]:
    return tuple((name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name))


def _facets(pack: Pack, on: date | None) -> Facets:
    """Everything the pack says, one flat dict of texts per entry, rule, condition and dated value."""
    plain = pack.book.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    made: Facets = {}
    for section in SECTIONS:
        for entry in plain.get("register_" if section == "register" else section, []):
            standing = entry if on is None else _standing(section, entry, on.isoformat())
            if standing is not None:
                _flatten(standing, (section, entry["id"]), made)
    if "visit" in plain:
        _flatten(plain["visit"], ("visit", "visit"), made)
    if "cases" in plain:
        _flatten(plain["cases"], ("cases", "cases"), made)
    return made


def _standing(section: str, entry: dict[str, Any], day: str) -> dict[str, Any] | None:
    """The entry with what is in force on the day, its days left out; None when nothing of it is."""
    if section == "parameters":
        current = [v for v in entry["values"] if v["from"] <= day][-1:]
        return {**entry, "values": [_dayless(v) for v in current]} if current else None
    if section == "titles":
        return {**entry, "rules": [_dayless(r) for r in entry.get("rules", []) if _holds(r, day)]}
    return _dayless(entry) if _holds(entry, day) else None


def _holds(entry: dict[str, Any], day: str) -> bool:
    return (entry.get("from") or day) <= day <= (entry.get("to") or day)


def _dayless(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entry.items() if k not in {"from", "to"}}


def _flatten(value: dict[str, Any], path: tuple[str, ...], made: Facets) -> None:
    own = made.setdefault(path, {})
    for name, inner in value.items():
        if isinstance(inner, dict):
            _flatten(inner, (*path, name), made)
        elif isinstance(inner, list) and inner and all(isinstance(x, dict) for x in inner):
            for i, child in enumerate(inner):
                _flatten(child, (*path, _key(child, i)), made)
        else:
            own[name] = "、".join(map(str, inner)) if isinstance(inner, list) else str(inner)


def _key(child: dict[str, Any], place: int) -> str:
    if "id" in child:
        return str(child["id"])
    named = [str(child[k]) for k in _KEYS if k in child and not isinstance(child[k], dict | list)]
    return " ".join(named) if named else f"{place + 1}"


def _said(value: str | None) -> str:
    return "（无）" if value is None else f"“{value}”"
