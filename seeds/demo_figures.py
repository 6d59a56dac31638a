
"""How much the demo's firms sell: size, growth and season drawn from the shapes in demo.json. Money is integer 元."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

WAN = 10_000


class Figures:
    """Draws one firm after another; the same generator state gives the same firm."""

    def __init__(self, spec: dict[str, Any], rng: Random) -> None:
        self._spec = spec
        self._rng = rng
        self._weights = [w / sum(spec["month_weight"]) for w in spec["month_weight"]]
        self._shock = {code: [rng.gauss(0, spec["growth"]["industry_sd"]) for _ in range(4)] for code, _, _ in spec["industries"]}

    def size(self, floor: float = 0.0) -> float:
        """Last year's sales of a firm, 万元; `floor` redraws what lies under it."""
        s = self._spec["size"]
        while True:
            x = math.exp(self._rng.gauss(s["ln_mu"], s["ln_sigma"]))
            if x > s["pareto_from_wan"]:
                x = min(s["pareto_from_wan"] * (1 - self._rng.random()) ** (-1 / s["pareto_alpha"]), s["cap_wan"])
            if (x := max(x, s["floor_wan"])) >= floor:
                return x

    def path(self, size: float, industry: str, growth: float | None = None) -> list[float]:
        """Sales of four years, 万元: two before last year, last year (= `size`), this one (`growth` fixes it)."""
        shock = self._shock.get(industry, (0.0,) * 4)
        before = size / math.exp(self._step(size) + shock[1])
        first = before / math.exp(self._step(before) + shock[0])
        now = size * growth if growth is not None else size * math.exp(self._step(size) + shock[3])
        return [first, before, size, now]

    def _step(self, size: float) -> float:
        g = self._spec["growth"]
        u = self._rng.random() - 0.5
        b = banded(g["laplace_b"], size)
        step = g["drift"] - b * math.copysign(math.log(1 - 2 * abs(u)), u)
        return step + self._rng.uniform(*g["jump_ln"]) if self._rng.random() < g["p_jump"] else step

    def season(self) -> tuple[float, float, float]:
        """What a firm keeps from year to year: noise, amplitude and phase of its own season."""
        n, rng = self._spec["month_noise"], self._rng
        return n["sd"] * math.exp(rng.gauss(0, n["sd_dispersion"])), rng.gauss(0, n["own_season_sd"]), rng.random() * math.tau

    def shares(self, season: tuple[float, float, float], *, steady: bool = False, autumn: bool = False) -> list[float]:
        """Twelve shares of a year's sales, sum 1. `autumn` firms sell most of it after September."""
        n, rng = self._spec["month_noise"], self._rng
        sd, amplitude, phase = season
        if steady:
            sd, amplitude = 0.03, 0.02
        drift = 0.0 if steady else rng.gauss(0, n["drift_sd"])
        noise, keep, out = 0.0, math.sqrt(1 - n["ar1"] ** 2), []
        for month, weight in enumerate(self._weights, start=1):
            noise = n["ar1"] * noise + keep * rng.gauss(0, sd)
            x = drift * (month - 6.5) / 12 + noise + amplitude * math.cos(math.tau * month / 12 - phase)
            x += n["december"] if month == 12 else 0.0
            x += abs(rng.gauss(0, n["spike_ln_sd"])) if not steady and rng.random() < n["spike_p"] else 0.0
            out.append(weight * math.exp(x) * (6.0 if autumn and month >= 10 else 1.0))
        total = sum(out)
        return [x / total for x in out]

    def cumulative(self, year_total: int, shares: list[float]) -> list[int]:
        """Sales from January to each month, 元; December is the year's total exactly."""
        out, run = [], 0.0
        for share in shares:
            run += share
            out.append(round(year_total * run))
        out[-1] = year_total
        return out

    def annual(self, sales: int, rd_share: float, main_share: float, *, ready: bool = False) -> dict[str, int | None]:
        """A year's figures around `sales` 元. `ready` firms fill in everything the titles ask for."""
        rng = self._rng
        main = round(sales * main_share)
        margin = rng.gauss(0.065, 0.06)
        staff = max(1, round(math.exp(-0.6 + 0.62 * math.log(max(sales / WAN, 1)) + rng.gauss(0, 0.3 if ready else 0.5))))
        assets = round(sales * rng.uniform(0.7, 1.6))
        debt = round(assets * (0.52 if ready else min(1.05, max(0.08, rng.gauss(0.56, 0.17)))))
        rd = round(sales * rd_share)
        return {
            "revenue": sales, "revenue_main": main, "revenue_taxable": round(main * 0.985),
            "main_product_revenue": round(main * (0.8 if ready else rng.uniform(0.45, 0.98))),
            "profit_total": round(sales * margin), "profit_net": round(sales * margin * 0.85),
            "cost_total": round(sales * (1 - margin)), "tax_paid": round(sales * rng.uniform(0.01, 0.06)),
            "rd_expense": rd, "rd_expense_domestic": rd, "hightech_revenue": round(main * rng.uniform(0.3, 0.95)),
            "assets_total": assets, "liabilities_total": debt, "net_assets": assets - debt, "employees": staff,
            "rd_staff": round(staff * rng.uniform(0.04, 0.18)), "tech_staff": round(staff * rng.uniform(0.06, 0.3)),
            "insured_staff": round(staff * rng.uniform(0.8, 1.0)), "equity_raised": 0,
        }


def banded(bands: list[list[float | None]], x: float) -> float:
    """The value of the first band whose upper end lies above `x`; the last band is open."""
    for end, value in bands:
        if end is None or x < end:
            return float(value or 0)
    raise ValueError("the last band must be open")
