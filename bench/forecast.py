"""How good the forecast is, on years it has not seen: python -m bench.forecast --panel FILE.csv.gz [--json]

The panel has the columns panel, firm, year, cum_q1, cum_q2, cum_q3, year_total. Each year 2016–2021 is forecast from earlier years
only, with data to March, June and September; parameters are fitted on those earlier years each time. Beside it, in the same run and
on the same firms, the simple methods. Events: `drop`: the year below 90 % of the last; `line`: last year in [1, 2) times a line and
this year below it (levels of the panel are scaled, so every firm is set once at a seeded place in that band).
`--stored` uses the parameters that come with the product instead. `--split` fits on one half of the firms and measures the other.
`--city N --seed S --noise B` measures a made-up city with months: parameters learned from its own last year as an instance does, and the stored
ones. Without options: that city for three spreads and two seeds, and with `--panel` both. `--goals`: every figure the forecast is held to,
on the panel and these cities, and whether it is reached. `--speed N` times N firms × 24 months.
`--refit OUT.json` fits all years of the panel and writes the parameters.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import orjson
import polars as pl

from bench.forecast_city import INDUSTRIES, city
from bench.forecast_goals import goals, line
from bench.forecast_scores import Scores, score
from crm.alerts.calibration import learn
from crm.alerts.forecasting import forecast, history, signs
from crm.alerts.forecasting.fitting import Past, fit, usual, witness
from crm.alerts.forecasting.history import History
from crm.alerts.forecasting.model import Parameters, distribution, stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bench.forecast_city import City

YEARS = range(2016, 2022)
QUARTERS = (3, 6, 9)
SIMPLE = ("linear", "pooled_share", "own_shape", "rest_as_last_year", "blend")
DROP = 0.9
CITY = 20_000
RED, RED_EARLY, EARLY = 0.85, 0.97, 5


@dataclass(frozen=True, slots=True)
class Panel:
    """Firm-years as histories: `figures` N×4×13, `year` N, `half` N (0 or 1, by firm)."""

    past: History
    year: NDArray[np.int64]
    half: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.bool_]) -> Panel:
        return Panel(History(self.past.figures[rows], self.past.mended[rows]), self.year[rows], self.half[rows])

    @property
    def ended(self) -> NDArray[np.float64]:
        """How the years ended."""
        return self.past.figures[:, 0, 12]

    @property
    def growth(self) -> NDArray[np.float64]:
        """How the years ended against those before, a logarithm; NaN where unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            made = np.log(self.past.figures[:, 0, 12] / self.past.figures[:, 1, 12])
        return np.where(np.isfinite(made), made, np.nan)

    def usable(self, month: int) -> NDArray[np.bool_]:
        """Firm-years with both years' figure of the month and both totals: what every method can be measured on."""
        f = self.past.figures
        return (f[:, 0, month] > 0) & (f[:, 1, month] > 0) & (f[:, 1, 12] > 0) & np.isfinite(f[:, 0, 12])


def read_panel(path: Path) -> Panel:
    """Each firm and year of the file as a history of four years."""
    rows = pl.read_csv(path).with_columns(key=pl.concat_str("panel", "firm", separator=":")).sort("key", "year")
    firm = rows["key"].rank("dense").cast(pl.Int64).to_numpy() - 1
    year, count = rows["year"].to_numpy(), int(firm.max()) + 1
    first, last = int(year.min()), int(year.max())
    grid = np.full((count, last - first + 1 + history.YEARS, 13), np.nan)
    for month, name in zip((*QUARTERS, 12), ("cum_q1", "cum_q2", "cum_q3", "year_total"), strict=True):
        grid[firm, year - first + history.YEARS, month] = rows[name].cast(pl.Float64).to_numpy()
    figures = np.stack([grid[firm, year - first + history.YEARS - back] for back in range(history.YEARS)], axis=1)
    figures[:, :, 0] = 0.0
    half = (rows["firm"].hash(7) % 2).cast(pl.Int64).to_numpy()
    return Panel(History(figures, np.zeros(len(rows), dtype=np.int8)), year, half)


def seen(panel: Panel, month: int) -> History:
    """The history with this year's later months hidden."""
    figures = panel.past.figures.copy()
    figures[:, 0, month + 1 :] = np.nan
    return History(figures, panel.past.mended)


def fitted(panel: Panel, note: dict[str, Any]) -> Parameters:
    """Parameters of these firm-years; years of which only the totals are known tell how often firms fall."""
    f = panel.past.figures
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = tuple(float(np.nanmedian((f[:, 0, month] / f[:, 0, 12])[panel.usable(month)])) for month in QUARTERS)
    empty = Parameters(shares, {}, {})
    often = usual(panel.growth, panel.year)

    def past_at(month: int, case: int) -> Past:
        one = panel[panel.usable(month)]
        read = at_pace(signs.read(seen(one, month), np.tile(empty.curve, (len(one.year), 1)), np.full(len(one.year), month)), one.year)
        hidden = signs.read(seen(one, month), np.tile(empty.curve, (len(one.year), 1)), np.full(len(one.year), month), forget=case)
        return Past(signs.paced(hidden, read.pace), one.ended, one.year, witness(one.growth, one.year, often))

    return fit(past_at, shares, note)


def at_pace(read: signs.Signs, years: NDArray[np.int64]) -> signs.Signs:
    """Each year's firms at the pace they show together by that month."""
    pace = read.pace.copy()
    for year in np.unique(years):
        rows = years == year
        known = signs.common(signs.take(read, rows))
        pace[rows] = signs.NORMAL if known is None else known
    return signs.paced(read, pace)


def simple(train: Panel, test: Panel, month: int) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Each simple method's forecast of the test years and its sorted relative errors (logarithms) on the training years."""
    made: dict[str, list[NDArray[np.float64]]] = {name: [] for name in SIMPLE}
    f = train.past.figures
    share = float(np.median(f[:, 1, month] / f[:, 1, 12]))
    for part in (test, train):
        f = part.past.figures
        now, same, whole = f[:, 0, month], f[:, 1, month], f[:, 1, 12]
        own, rest = now / same * whole, now + whole - same
        for name, value in zip(SIMPLE, (now * 12 / month, now / share, own, rest, (own + rest) / 2), strict=True):
            made[name].append(value)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = {name: np.log(train.ended / on_train) for name, (_, on_train) in made.items()}
    return {name: (made[name][0], np.sort(e[np.isfinite(e)])) for name, e in errors.items()}


def jobs(panel: Panel, month: int, *, split: bool) -> Iterable[tuple[Panel, Panel]]:
    """(earlier years, the year asked about) for each year; with `split`, of different firms."""
    usable = panel.usable(month)
    for year in YEARS:
        if not split:
            yield panel[panel.year < year], panel[usable & (panel.year == year)]
            continue
        for half in (0, 1):
            yield panel[(panel.year < year) & (panel.half != half)], panel[usable & (panel.year == year) & (panel.half == half)]


def place(panel: Panel) -> NDArray[np.float64]:
    """A line for each firm-year such that last year lies in [1, 2) times it: log-uniform, seeded by the firm's own figures."""
    whole = panel.past.figures[:, 1, 12]
    dice = pl.Series(np.nan_to_num(whole).astype(np.int64)).hash(20).to_numpy() % 10_000 / 10_000
    return whole / np.power(2.0, dice)


def back_test(panel: Panel, month: int, *, split: bool, use_stored: bool) -> dict[str, dict[str, Scores]]:
    """Scores of the model and the simple methods at one month: event -> method -> scores."""
    kept: dict[str, list[tuple[NDArray[Any], ...]]] = {}
    for train, test in jobs(panel, month, split=split):
        parameters = stored() if use_stored else fitted(train, {})
        line = {"drop": DROP * test.past.figures[:, 1, 12], "line": place(test)}
        read = signs.read(seen(test, month), np.tile(parameters.curve, (len(test.year), 1)), np.full(len(test.year), month))
        spread, said = distribution(at_pace(read, test.year), parameters), np.full(len(test.year), float(parameters.falls_from(month)))
        for event, at in line.items():
            kept.setdefault(f"{event}/model", []).append((test.ended, spread.quantile(0.5), spread.probability_below(at), at, test.year, spread.quantile(0.1), spread.quantile(0.9), said))
            for name, (mid, errors) in simple(train[train.usable(month)], test, month).items():
                chance = np.searchsorted(errors, np.log(at / mid)) / len(errors)
                chance = np.where(test.past.figures[:, 0, month] >= at, 0.0, chance)
                kept.setdefault(f"{event}/{name}", []).append((test.ended, mid, chance, at, test.year, mid, mid, said))
    found: dict[str, dict[str, Scores]] = {"drop": {}, "line": {}}
    for key, parts in kept.items():
        event, name = key.split("/")
        found[event][name] = score(*(np.concatenate(column) for column in zip(*parts, strict=True)), red=red_from(month))
    return found


def red_from(month: int) -> float:
    """The chance from which a firm is red with data to this month (`exit_risk` in plugins/cn/alerts.yaml)."""
    return RED_EARLY if month <= EARLY else RED


def speed(firms: int) -> dict[str, float]:
    """Seconds for a whole forecast with three lines, of firms with 24 months."""
    made = city(firms, seed=1, noise=1.0)
    asked, on = made.asked(10), date(made.year, 11, 10)
    start, cpu = time.perf_counter(), time.process_time()
    seen_by = forecast(*asked, on)
    seen_by.frame()
    for at in (2e7, 1e8, 1e9):
        seen_by.probability_below(at)
    return {"firms": firms, "rows": asked[0].height, "wall_s": round(time.perf_counter() - start, 2), "cpu_s": round(time.process_time() - cpu, 2)}


def measure_city(firms: int, seed: int, noise: float, months: Iterable[int] = (2, 3, 6, 9, 10, 11)) -> dict[str, dict[str, dict[str, Scores]]]:
    """A made-up city, by month: firms of 2,000–4,000 万元 last year; event: this year below 2,000. `model`: learned from its last year."""
    made = city(firms, seed, noise)
    own = learn(made.completed(), [INDUSTRIES[i % len(INDUSTRIES)] for i in range(firms)], made.year - 1, {})
    found: dict[str, dict[str, dict[str, Scores]]] = {}
    for month in months:
        methods = {}
        for name, parameters in (("model", own), ("stored", stored())):
            outlook = forecast(*made.asked(month), date(made.year, month + 1, 10), parameters=parameters)
            near = (made.last_year >= 2e7) & (made.last_year < 4e7) & made.goes_on & (outlook.month > 0)
            spread = outlook.spread
            methods[name] = _scored(made.ended, spread.quantile(0.5), outlook.probability_below(2e7), spread.quantile(0.1), spread.quantile(0.9), near, month, parameters)
        methods |= _simple_city(made, month, near, own)
        found[str(month)] = {"below_2000wan": methods}
    return found


def _scored(ended: NDArray[np.float64], mid: NDArray[np.float64], chance: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], kept: NDArray[np.bool_], month: int, parameters: Parameters) -> Scores:
    count = int(kept.sum())
    return score(ended[kept], mid[kept], chance[kept], np.full(count, 2e7), np.full(count, 2025), low[kept], high[kept], np.full(count, float(parameters.falls_from(month))), red=red_from(month))


def _simple_city(made: City, month: int, near: NDArray[np.bool_], learned: Parameters) -> dict[str, Scores]:
    """The simple methods on true figures of the same firms, their errors known from the city's last year."""
    ways = {}
    for back in (1, 0):
        now, before = made.truth[:, 3 - back], made.truth[:, 2 - back]
        so_far, same, whole = now[:, :month].sum(axis=1), before[:, :month].sum(axis=1), before.sum(axis=1)
        own, rest = so_far / same * whole, so_far + whole - same
        values = (so_far * 12 / month, so_far / np.median(same / whole), own, rest, (own + rest) / 2)
        ways[back] = dict(zip(SIMPLE, values, strict=True))
    found = {}
    for name, mid in ways[0].items():
        errors = np.sort(np.log(made.truth[:, 2].sum(axis=1) / ways[1][name])[near])
        chance = np.searchsorted(errors, np.log(2e7 / mid)) / len(errors)
        chance = np.where(made.truth[:, 3, :month].sum(axis=1) >= 2e7, 0.0, chance)
        found[name] = _scored(made.ended, mid, chance, mid, mid, near, month, learned)
    return found


def show(found: dict[str, Any]) -> None:
    """A table for reading."""
    for month, events in found.items():
        for event, methods in events.items():
            click.echo(f"\nto month {month}, event {event}")
            for name, one in methods.items():
                click.echo(f"  {name:<18} {one.line()}")
            click.echo("  " + methods["model"].told())


def cities(months: Iterable[int] = (2, 3, 6, 9, 10, 11)) -> dict[str, dict[str, dict[str, dict[str, Scores]]]]:
    """The made-up cities, by name."""
    return {f"seed {seed}, spread x {noise}": measure_city(CITY, seed, noise, months) for seed, noise in ((1, 0.7), (1, 1.0), (1, 1.3), (2, 1.0))}


def _told(found: Any) -> Any:
    """Scores as plain data, however deep they lie."""
    return {key: _told(value) for key, value in found.items()} if isinstance(found, dict) else found.as_dict()


@click.command()
@click.option("--panel", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--split", is_flag=True)
@click.option("--stored", "use_stored", is_flag=True)
@click.option("--city", "city_firms", type=int)
@click.option("--seed", default=1, show_default=True)
@click.option("--noise", default=1.0, show_default=True, help="Multiplies the spread of yearly growth (0.7, 1.3).")
@click.option("--goals", "held", is_flag=True)
@click.option("--speed", "speed_firms", type=int)
@click.option("--refit", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def main(path: Path | None, city_firms: int | None, seed: int, noise: float, speed_firms: int | None, refit: Path | None, *, split: bool, use_stored: bool, held: bool, as_json: bool) -> None:
    """Back-test, goals, cities, speed or refit."""
    if speed_firms:
        click.echo(orjson.dumps(speed(speed_firms)).decode())
        return
    found: dict[str, dict[str, Any]] = {}
    if path is not None and not city_firms:
        panel = read_panel(path)
        if refit:
            note = {"fitted_on": "quarterly cumulative revenue of listed firms, 2015–2021", "firm_years": int(panel.usable(9).sum()), "command": "python -m bench.forecast --panel FILE --refit OUT"}
            refit.write_bytes(orjson.dumps(fitted(panel, note).as_dict(), option=orjson.OPT_INDENT_2) + b"\n")
            return
        found["panel"] = {str(month): back_test(panel, month, split=split, use_stored=use_stored) for month in QUARTERS}
    if city_firms:
        found[f"seed {seed}, spread x {noise}"] = measure_city(city_firms, seed, noise)
    elif held or path is None or not (as_json or split or use_stored):
        found |= cities(QUARTERS) if held else cities()
    _say(found, held=held, as_json=as_json)


def _say(found: dict[str, dict[str, Any]], *, held: bool, as_json: bool) -> None:
    if held:
        if "panel" not in found:
            raise click.UsageError("--goals needs --panel FILE")
        rows = goals(found["panel"], {name: one for name, one in found.items() if name != "panel"})
        click.echo(orjson.dumps(rows).decode() if as_json else "\n".join(line(row) for row in rows))
    elif as_json:
        click.echo(orjson.dumps(_told(found["panel"] if list(found) == ["panel"] else found)).decode())
    else:
        for name, one in found.items():
            click.echo(f"\n== {name}")
            show(one)


if __name__ == "__main__":
    main()
