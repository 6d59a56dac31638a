"""The forecast over one row per firm: this year's newest 累计, the same months of last year, last year. What alert rules read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crm.alerts.forecasting.facts import ENDS
from crm.alerts.forecasting.history import YEARS, History
from crm.alerts.forecasting.model import stored
from crm.alerts.forecasting.outlook import SIGNALS, outlook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from crm.alerts.forecasting.model import Parameters


def project(frame: pl.DataFrame, on: date, parameters: Parameters | None = None, steps: Sequence[int] = ()) -> pl.DataFrame:
    """Add `projected`, `projected_low`, `projected_high` (元), `method`, `share` (of last year in by then) and `below_line` (0–1).

    Reads `ytd`, `ytd_month` (1–12), `ytd_prior`, `last_year`, and where present `line`, `industry`, `year_before` (the year before last), `ytd_before` (its same months),
    `invoiced_yoy`, `electricity_yoy`, `insured_yoy`, `stopped_by` with `stopped_on`. Without `ytd` everything added is null. `steps`:
    further lines (元), each gets `below.<line>`. A firm is forecast alike alone and among all: industry curves come with the parameters.
    """
    chosen = parameters or stored()
    firms = frame.select(
        *(pl.col(name) for name in ("industry", *SIGNALS) if name in frame.columns),
        stopped_on=pl.when(pl.col("stopped_by").is_in(ENDS)).then(pl.col("stopped_on")) if "stopped_by" in frame.columns else pl.lit(None, pl.Date),
    )
    seen = outlook(_history(frame), firms, on, chosen, noted=False)
    made = seen.frame()
    share = pl.col("ytd_prior") / pl.col("last_year")
    below = seen.probability_below(_figures(frame, "line")) if "line" in frame.columns else np.full(frame.height, np.nan)
    return frame.with_columns(
        projected=made["mid"], projected_low=made["low"], projected_high=made["high"], method=made["method"],
        share=pl.when(share.is_between(0, 1)).then(share), below_line=pl.Series(below).fill_nan(None).round(3),
        **{f"below.{line}": pl.Series(seen.probability_below(float(line))).fill_nan(None).round(3) for line in steps},
    )


def _history(frame: pl.DataFrame) -> History:
    figures = np.full((frame.height, YEARS, 13), np.nan)
    figures[:, :, 0] = 0.0
    month, rows = frame["ytd_month"].fill_null(0).to_numpy(), np.arange(frame.height)
    filed = month > 0
    figures[rows[filed], 0, month[filed]] = _figures(frame, "ytd")[filed]
    figures[rows[filed], 1, month[filed]] = _figures(frame, "ytd_prior")[filed]
    figures[:, 1, 12] = _figures(frame, "last_year")
    if "year_before" in frame.columns:
        figures[:, 2, 12] = _figures(frame, "year_before")
    if "ytd_before" in frame.columns:
        figures[rows[filed], 2, month[filed]] = _figures(frame, "ytd_before")[filed]
    return History(figures, np.zeros(frame.height, dtype=np.int8))


def _figures(frame: pl.DataFrame, name: str) -> NDArray[np.float64]:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
