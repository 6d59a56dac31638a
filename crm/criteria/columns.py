"""What each column of the facts frame means: the agreement between the engine and whoever assembles facts.

`required_columns(pack, on)` lists the columns a pack needs on a day. One row per firm; a missing column counts as unknown
for every firm. Names come from `Column.name`. `on` is the day of the evaluation, Y its calendar year.

| kind | name | dtype | what |
|---|---|---|---|
| identity | `industry` | String | GB/T 4754 code, digits only ('3441'; shorter = less is known) |
| identity | `region`, `zone`, `kind` | String | region code (any depth), zone code, kind of unit |
| identity | `registered_on` | Date | 成立日期 |
| year | `revenue.y-1` | Int64 | the yearly filing of year Y-1 (y-2: Y-2, y0: Y); known by `on` |
| before | `revenue_local.before-1` | Int64 | largest yearly value known for any year before Y-1; null if none is known |
| at | `niche_years.at` | Int64 | the value with the latest day ≤ `on` |
| ytd | `revenue.ytd` | Int64 | 1–本月累计 of the latest month of year Y, ending before `on`, that has one |
| ytd_month | `revenue.ytd_month` | Int64 | that month, 1–12 |
| ytd_prior | `revenue.ytd_prior` | Int64 | the same months' 累计 of year Y-1 |
| title | `title.srdi` | Boolean | held on `on`: granted_on ≤ on, not revoked by `on`, valid_to empty or ≥ on; false = the firm's list of titles is complete and does not hold it |
| ever | `ever.srdi` | Boolean | granted on or before `on`, whatever became of it |
| stage | `stage.share_reform` | Boolean | a listing stage entry of this or a later stage on or before `on`, not ended |
| register | `register.in` | Boolean | entered_on ≤ on and (exited_on empty or > on) |
| register | `register.ever` | Boolean | any entry on or before `on` |
| register | `register.last_exit` | Date | latest exited_on ≤ on; 0001-01-01 = never left; null = unknown |
| event | `event.suspended` | Date | latest day of such an event ≤ on; 0001-01-01 = none on record; null = unknown |
| flag | `flag.prohibited_industry` | Boolean | the latest statement; null = nobody said |

Figures are integers in the measure's unit (元, 人, bp, 分×100 …), never floats, never NaN; null = missing, never zero.
Figures beyond `crm.criteria.vectors.bound(unit)` are refused.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from crm.criteria.expressions import STAGES

if TYPE_CHECKING:
    from crm.criteria.packs import Pack
    from crm.criteria.terms import Column

NEVER = date(1, 1, 1)
"""Stands for 'no such day on record' where the record is complete."""
STAGE_ORDER = STAGES
"""Listing stages from first to last; 新三板 counts as a stage of its own between 股改 and 辅导."""

_DTYPES: dict[str, pl.DataType] = {
    "title": pl.Boolean(), "ever": pl.Boolean(), "flag": pl.Boolean(), "stage": pl.Boolean(), "event": pl.Date(),
}


def dtype(column: Column) -> pl.DataType:
    """Polars type of a column."""
    if column.kind == "identity":
        return pl.Date() if column.key == "registered_on" else pl.String()
    if column.kind == "register":
        return pl.Date() if column.key == "last_exit" else pl.Boolean()
    return _DTYPES.get(column.kind, pl.Int64())


def required_columns(pack: Pack, on: date) -> tuple[Column, ...]:
    """The columns the pack's rules look at on a day, in a fixed order (the order of VerdictRow.evidence)."""
    return pack.program(on).columns
