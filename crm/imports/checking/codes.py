"""USCCs of a whole column: normalised and checked in one pass (the same rule as crm.enterprises.uscc, without a loop)."""

from __future__ import annotations

import polars as pl

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))


def normalised(text: pl.Expr) -> pl.Expr:
    """Upper case, half width, without spaces and marks."""
    return text.str.to_uppercase().str.replace_all(r"[\s\-‐‑‒–—﹣－_'’`\"“”.]+", "")


def with_codes(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add `uscc` (normalised) and `valid` for the text in `column`."""
    frame = frame.with_columns(normalised(pl.col(column)).alias("uscc"))
    shaped = pl.col("uscc").str.contains(rf"^[{ALPHABET}]{{2}}\d{{6}}[{ALPHABET}]{{10}}$")
    digits = {letter: value for value, letter in enumerate(ALPHABET)}
    total = pl.sum_horizontal(
        pl.col("uscc").str.slice(i, 1).replace_strict(digits, default=0, return_dtype=pl.Int32) * weight for i, weight in enumerate(_WEIGHTS)
    )
    check = ((31 - total % 31) % 31).replace_strict(dict(enumerate(ALPHABET)), return_dtype=pl.String)
    return frame.with_columns((shaped & (check == pl.col("uscc").str.slice(17, 1))).fill_null(value=False).alias("valid"))
