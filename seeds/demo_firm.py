
"""One demo firm after another: where it sits, what it files, what it holds. Rows are collected as tuples per table."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

from crm.enterprises.operations import search_text
from seeds.demo_figures import WAN, Figures, banded
from seeds.demo_identity import Names, place_word, uscc

if TYPE_CHECKING:
    from random import Random

HEAD = ("enterprise_id", "period_kind", "period", "form", "source", "recorded_at", "superseded_at")
ANNUAL = (
    "revenue", "revenue_main", "revenue_taxable", "main_product_revenue", "profit_total", "profit_net", "cost_total",
    "tax_paid", "rd_expense", "rd_expense_domestic", "hightech_revenue", "assets_total", "liabilities_total",
    "net_assets", "employees", "rd_staff", "tech_staff", "insured_staff", "equity_raised",
)
HELD = ("niche_years", "ip_class1", "ip_class1_own", "ip_class1_high_value", "ip_class2", "patents_invention", "market_share")


class Sheets:
    """Rows waiting to be written, by table."""

    COLUMNS: ClassVar = {
        "enterprise": (
            "id", "uscc", "name", "short_name", "kind", "registered_on", "registered_capital", "industry_code",
            "region_code", "region_found", "zone_code", "address", "legal_person", "status", "status_on", "name_key",
            "initials", "main_products", "created_at", "updated_at", "version",
        ),
        "search": ("enterprise_id", "text"),
        "contact": ("enterprise_id", "name", "title", "phone", "is_primary"),
        "event": ("enterprise_id", "kind", "on", "note", "source", "recorded_at"),
        "annual": (*HEAD, *ANNUAL),
        "monthly": (*HEAD, "revenue", "revenue_main", "revenue_taxable", "invoiced_sales", "tax_paid"),
        "power": (*HEAD, "electricity"),
        "held": (*HEAD, *HELD),
        "score": (*HEAD, "zjtx_score"),
        "register": ("enterprise_id", "entered_on", "exited_on", "entry", "profession", "exit_reason", "recorded_at"),
        "title": ("enterprise_id", "title", "kind", "batch", "granted_on", "valid_to", "revoked_on", "recorded_at"),
        "stage": ("enterprise_id", "stage", "on", "recorded_at"),
    }

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in self.COLUMNS}


class City:
    """Draws the firms of one area in order; `lift` is the share redrawn from the larger sizes, so that a small city shows all places."""

    def __init__(
        self, spec: dict[str, Any], rng: Random, on: date, month: tuple[int, int],
        places: list[tuple[str, str, float, list[tuple[str, str]]]], industries: set[str], zones: set[str],
    ) -> None:
        self._spec, self._rng, self._on = spec, rng, on
        self._year, self._month = month
        self._places = places
        self._place_ends = list(accumulate(weight for _, _, weight, _ in places))
        self._trades = [t for t in spec["industries"] if t[0] in industries] or spec["industries"]
        self._trade_ends = list(accumulate(weight for _, weight, _ in self._trades))
        self._makers = [t for t in self._trades if "13" <= t[0][:2] <= "43"]
        self._zones = {parent: (code, share) for code, (parent, share) in spec["zone_share"].items() if code in zones}
        self._figures, self._names = Figures(spec, rng), Names(rng)
        self._stories = [story for story in spec["stories"] for _ in range(story["count"])]
        self._periods = self._reported()
        self.lift, self.first_id = 0.0, 1

    def _reported(self) -> list[tuple[int, int, str, datetime]]:
        """The 24 months to the data month that are reported: (year offset from the data year, month, period, recorded)."""
        out = []
        for back in range(23, -1, -1):
            index = self._year * 12 + self._month - 1 - back
            year, month = index // 12, index % 12 + 1
            if month > 1:
                after = date(year + month // 12, month % 12 + 1, 1)
                out.append((year - self._year, month, f"{year}-{month:02d}", _instant(after + timedelta(days=11))))
        return out

    def firm(self, serial: int, sheets: Sheets) -> None:
        """Draw firm `serial` and everything about it."""
        rng = self._rng
        story = self._stories[serial] if serial < len(self._stories) else {}
        code, _, words = (rng.choice(self._makers) if story else rng.choices(self._trades, cum_weights=self._trade_ends)[0])
        floor = self._spec["lift_floor_wan"] if rng.random() < self.lift else 0.0
        size = story.get("size_wan") or self._figures.size(floor)
        if story and not story.get("exact"):
            size *= rng.uniform(0.985, 1.015)
        path = self._bunch(self._figures.path(size, code, story.get("growth")), exact=bool(story))
        firm = {"id": self.first_id + serial, "industry": code, "size": size, "story": story, "yuan": [round(x * WAN) for x in path]}
        firm["line"] = next(wan for prefix, wan in self._spec["register_lines_wan"] if code.startswith(prefix))
        self._identity(firm, serial, rng.choice(words), sheets)
        self._register(firm, path, sheets)
        self._filings(firm, sheets)
        if size >= 60 or story:
            self._holdings(firm, sheets)
        self._events(firm, sheets)

    def _bunch(self, path: list[float], *, exact: bool) -> list[float]:
        """A part of the firms just under the industrial line report just over it."""
        if exact:
            return path
        share = self._spec["register"]["shift_just_under"]
        return [x + 100 if 1900 <= x < 2000 and self._rng.random() < share else x for x in path]

    def _identity(self, firm: dict[str, Any], serial: int, word: str, sheets: Sheets) -> None:
        rng, spec, story = self._rng, self._spec["identity"], firm["story"]
        county, county_name, _, towns = rng.choices(self._places, cum_weights=self._place_ends)[0]
        town, town_name = rng.choice(towns) if towns else (county, county_name)
        form = "股份有限公司" if firm["size"] > 20000 and rng.random() < 0.5 else "有限公司"
        place = place_word(county_name) if rng.random() < 0.6 else rng.choice(("台州", "浙江")) if county.startswith("3310") else "浙江"
        name, short, key, initials = self._names.draw(place, word, form)
        authority = county if rng.random() >= spec["p_prefix_elsewhere"] else county[:4] + "00"
        if county == "331083" and rng.random() < spec["p_old_yuhuan_prefix"]:
            authority = "331021"
        zone = self._zones.get(county)
        first_year = self._year - (1 if story.get("young") else rng.randint(2 if rng.random() < 0.08 else 5, 28))
        registered = date(first_year, rng.randint(1, 12), rng.randint(1, 28))
        status = self._status(firm)
        capital = None if rng.random() < spec["p_capital_missing"] else round(math.exp(rng.gauss(*self._spec["capital_ln"]))) * WAN
        now, code = _instant(self._on), uscc(authority, serial)
        firm.update(registered=registered, status=status)
        sheets.rows["enterprise"].append((
            firm["id"], code, name, short, "corporate" if form != "有限公司" or rng.random() < 0.93 else "individual",
            registered, capital, firm["industry"], town, "declared", zone[0] if zone and rng.random() < zone[1] else None,
            f"{county_name}{town_name if towns else ''}示例路{rng.randint(1, 998)}号", self._names.person(), status,
            self._on - timedelta(days=rng.randint(20, 200)) if status != "active" else None, key, initials, word, now, now, 1,
        ))
        phone = f"19900{serial % 1_000_000:06d}"
        sheets.rows["contact"].append((firm["id"], self._names.person(), rng.choice(("总经理", "财务负责人", "办公室主任")), phone, True))
        sheets.rows["search"].append((firm["id"], search_text(name, short, initials, code, [phone])))

    def _status(self, firm: dict[str, Any]) -> str:
        if firm["story"]:
            return "active"
        draw = self._rng.random()
        hazard = banded(self._spec["exit_hazard"], firm["size"]) / 2
        return "cancelled" if draw < hazard * 0.8 else "revoked" if draw < hazard else "active"

    def _register(self, firm: dict[str, Any], path: list[float], sheets: Sheets) -> None:
        """Stays in the register over the four years; a story fixes the answer."""
        rng, spec, story, line = self._rng, self._spec["register"], firm["story"], firm["line"]
        kind = {"51": "wholesale", "52": "retail", "61": "lodging", "62": "catering"}.get(firm["industry"][:2], "industry" if firm["industry"] < "47" else "services")
        year = self._year
        stays: list[list[Any]] = []
        if story:
            if story["register"]:
                stays = [[date(year - rng.randint(3, 9), 2, 1), None, "first"]]
            elif left := story.get("left_years_ago"):
                stays = [[date(year - 6, 2, 1), date(year - left, 1, 1), "first"]]
        else:
            if path[0] >= line and rng.random() < spec["p_initial"]:
                stays = [[date(max(firm["registered"].year + 1, year - rng.randint(3, 12)), 2, 1), None, "first"]]
            for step, sales in enumerate(path[1:3], start=1):
                since = date(year - 2 + step, 1, 1)
                if stays and stays[-1][1] is None and sales < line and rng.random() < spec["p_exit_given_fall"]:
                    stays[-1][1] = since
                elif (not stays or stays[-1][1]) and sales >= line and rng.random() < spec["p_enter_given_rise"]:
                    stays.append([since.replace(month=2), None, "re_entry" if stays else "first"])
        for entered, exited, entry in stays:
            reason = "主营业务收入低于起点" if exited else None
            sheets.rows["register"].append((firm["id"], entered, exited, entry, kind, reason, _instant(entered)))
        firm["registered_now"] = bool(stays) and stays[-1][1] is None

    def _filings(self, firm: dict[str, Any], sheets: Sheets) -> None:
        rng, story, fid = self._rng, firm["story"], firm["id"]
        rd = story.get("rd") or math.exp(rng.gauss(*self._spec["rd_ln"]))
        firm["main"] = 0.955 if story.get("ready") else 1.0 if story.get("exact") else min(1.0, rng.betavariate(18, 1.6))
        for year in range(self._on.year - 3, self._on.year):
            if year < firm["registered"].year or (not story and not firm["registered_now"] and rng.random() < 0.06):
                continue
            values = self._figures.annual(firm["yuan"][year - self._year + 3], rd, firm["main"], ready=bool(story.get("ready")))
            recorded = _instant(date(year + 1, 3, 20))
            sheets.rows["annual"].append((fid, "year", str(year), "period", "demo", recorded, None, *(values[name] for name in ANNUAL)))
        self._monthly(firm, sheets)

    def _monthly(self, firm: dict[str, Any], sheets: Sheets) -> None:
        rng, story, fid = self._rng, firm["story"], firm["id"]
        spec = self._spec["reporting"]
        missing = 0.0 if story else spec["p_missing_up" if firm["registered_now"] else "p_missing_small"]
        season = self._figures.season()
        shape = {"steady": bool(story.get("steady")), "autumn": bool(story.get("autumn"))}
        year_sums = [self._figures.cumulative(firm["yuan"][3 + back], self._figures.shares(season, **shape)) for back in (-2, -1, 0)]
        silent = story.get("silent_months", 1 if not story and rng.random() < spec["p_late"] else 0)
        if firm["status"] != "active":
            silent = 6
        last = len(self._periods) - silent
        up = firm["size"] >= 300
        for n, (back, month, period, recorded) in enumerate(self._periods):
            if n >= last or (self._year + back, month) < (firm["registered"].year, firm["registered"].month) or rng.random() < missing:
                continue
            sales = year_sums[back + 2][month - 1]
            row = (sales, round(sales * firm["main"]), round(sales * firm["main"] * 0.985), round(sales * 0.95), round(sales * 0.03)) if up else (sales, None, round(sales * 0.94), None, None)
            if rng.random() < spec["p_revision"]:
                wrong = (round(sales * rng.uniform(0.9, 1.1)), *row[1:])
                sheets.rows["monthly"].append((fid, "month", period, "ytd", "demo", recorded, recorded + timedelta(days=9), *wrong))
            sheets.rows["monthly"].append((fid, "month", period, "ytd", "demo", recorded, None, *row))
        if firm["size"] >= 1000:
            self._power(firm, year_sums, last, sheets)

    def _power(self, firm: dict[str, Any], sums: list[list[int]], last: int, sheets: Sheets) -> None:
        """Electricity of the last three months and of the same months a year before, kWh."""
        per_yuan = self._rng.uniform(0.02, 0.12)
        periods = self._periods
        recent = {(back, month) for back, month, _, _ in periods[-3:]}
        for n, (back, month, period, recorded) in enumerate(periods):
            if (back, month) in recent or (back + 1, month) in recent:
                year = sums[back + 2]
                used = max(0, round((year[month - 1] - (year[month - 2] if month > 1 else 0)) * per_yuan * self._rng.uniform(0.9, 1.1)))
                if firm["story"].get("event") == "suspended" and n >= len(periods) - 2:
                    used = 0
                if n < last or used == 0:
                    sheets.rows["power"].append((firm["id"], "month", period, "period", "electricity", recorded, None, used))

    def _holdings(self, firm: dict[str, Any], sheets: Sheets) -> None:
        """Rights and niche at a day, titles, listing stages."""
        rng, story, size = self._rng, firm["story"], firm["size"]
        ready = bool(story.get("ready"))
        strength = math.log10(max(size, 10)) - 2
        first = max(2 if ready else 0, round(rng.gauss(strength * 2, 2)))
        niche = min(self._year - firm["registered"].year, rng.randint(2, 20))
        score = round(rng.uniform(52, 78) * 100) if ready else round(min(95, max(20, rng.gauss(48, 12))) * 100) if size > 1500 else None
        share = rng.randint(200, 2600) if size > 3000 else None
        recorded = _instant(self._on - timedelta(days=rng.randint(20, 120)))
        period = f"{self._on.year - 1}-12-31"
        sheets.rows["held"].append((
            firm["id"], "day", period, "period", "demo", recorded, None,
            max(4, niche) if ready else niche, first, max(0, first - rng.randint(0, 1)), 1 if first > 2 and rng.random() < 0.4 else 0,
            rng.randint(0, 12), first, share,
        ))
        if score is not None:
            sheets.rows["score"].append((firm["id"], "year", str(self._on.year), "period", "demo", recorded, None, score))
        if ready:
            self._statements(firm, sheets)
        held = self._titles(firm, sheets)
        self._stages(firm, held, sheets)

    def _statements(self, firm: dict[str, Any], sheets: Sheets) -> None:
        """What only a person can say about a firm that prepares an application."""
        day = self._on - timedelta(days=30)
        for kind, said in self._spec["statements"].items():
            sheets.rows["event"].append((firm["id"], f"flag.{kind}", day, said, "visit", _instant(day)))

    def _titles(self, firm: dict[str, Any], sheets: Sheets) -> set[str]:
        rng, story, size, held = self._rng, firm["story"], firm["size"], set()
        for title, rule in self._spec["titles"].items():
            rate = rule["rate"] if size >= rule["from_wan"] else rule["below_rate"]
            has = title in story.get("titles", ()) if story else rng.random() < rate and rule.get("needs", title) in held | {title}
            if not has:
                continue
            held.add(title)
            years = rule["years"]
            age = rng.randint(20, 330) if story else rng.randint(0, round(365 * ((years or 8) + 0.15)))
            if (left := story.get("expires_in_days")) and years:
                age = 365 * years - left - rng.randint(0, 30)
            granted = self._on - timedelta(days=age)
            until = granted + timedelta(days=365 * years) if years else None
            revoked = self._on - timedelta(days=rng.randint(5, 200)) if not story and rng.random() < 0.004 and age > 200 else None
            sheets.rows["title"].append((firm["id"], title, "first", f"{granted.year}年度", granted, until, revoked, _instant(granted)))
        return held

    def _stages(self, firm: dict[str, Any], held: set[str], sheets: Sheets) -> None:
        rng = self._rng
        if not firm["story"].get("stage") and (firm["story"] or firm["size"] < self._spec["stages"]["from_wan"]):
            return
        reached = self._on - timedelta(days=rng.randint(30, 900))
        if stage := firm["story"].get("stage"):
            sheets.rows["stage"].append((firm["id"], stage, reached, _instant(reached)))
            return
        if "listed" in held:
            sheets.rows["stage"].append((firm["id"], "listed", reached, _instant(reached)))
            return
        for stage, share in self._spec["stages"]["shares"]:
            if rng.random() < share:
                sheets.rows["stage"].append((firm["id"], stage, reached, _instant(reached)))
                return

    def _events(self, firm: dict[str, Any], sheets: Sheets) -> None:
        rng = self._rng
        kind = firm["story"].get("event")
        if kind is None and not firm["story"] and firm["size"] > 300:
            draw = rng.random()
            kind = "suspended" if draw < 0.002 else "abnormal_listed" if draw < 0.004 else None
        if kind:
            day = self._on - timedelta(days=rng.randint(15, 80))
            sheets.rows["event"].append((firm["id"], kind, day, None, "demo", _instant(day)))


def _instant(day: date) -> datetime:
    return datetime.combine(day, time(4, 0), UTC)
