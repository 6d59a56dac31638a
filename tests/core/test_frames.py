"""Frames in and out of both databases: the same cells come back, gaps included."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
from sqlalchemy import select

from crm.core.frames import fetch_frame, insert_frame, upsert_frame
from crm.criteria.models import PackVersion, VerdictMask, VerdictRules
from crm.regions.models import Region

KINDS = {"code": pl.String, "name": pl.String, "parent_code": pl.String, "valid_from": pl.Date, "is_virtual": pl.Boolean}
MANY = 300  # PostgreSQL takes so many as CSV


def divisions(size: int) -> pl.DataFrame:
    """Names with what CSV must quote, days and gaps."""
    return pl.DataFrame({
        "code": [f"{n:06d}" for n in range(size)], "name": [f'甲,"{n}"' for n in range(size)], "level": ["county"] * size, "parent_code": [None] * size,
        "valid_from": [None if n % 3 else date(2020, 1, 1 + n % 28) for n in range(size)], "is_virtual": [n % 2 == 0 for n in range(size)],
    }, schema_overrides={"parent_code": pl.String, "valid_from": pl.Date})


def test_rows_written_come_back_with_their_gaps(session):
    made = divisions(MANY)
    insert_frame(session, Region, made)
    found = fetch_frame(session, select(*(getattr(Region, name) for name in KINDS)), KINDS).sort("code")
    assert found.equals(made.select(list(KINDS)))


def test_no_rows_give_an_empty_frame_of_the_same_columns(session):
    found = fetch_frame(session, select(*(getattr(Region, name) for name in KINDS)).where(Region.code == "x"), KINDS)
    assert (found.height, dict(found.schema)) == (0, KINDS)


def test_an_upsert_overwrites_and_adds(session):
    rules = pl.DataFrame({"pack": ["a"] * MANY, "pack_hash": ["h"] * MANY, "year": list(range(MANY)), "turn": [1] * MANY})
    for pack in ("a", "b"):
        upsert_frame(session, VerdictRules, ["pack_hash", "year", "turn"], rules.with_columns(pack=pl.lit(pack)))
    assert session.scalars(select(VerdictRules.pack)).all() == ["b"] * MANY


def test_bytes_of_any_length_come_back(session):
    bodies = [b"", b"\x00", b"\x1f" * 40]
    session.add_all(VerdictMask(rules_id=1, block=n, masks=body) for n, body in enumerate(bodies))
    session.flush()
    found = fetch_frame(session, select(VerdictMask.block, VerdictMask.masks), {"block": pl.Int64, "masks": pl.Binary}).sort("block")
    assert found["masks"].to_list() == bodies


def test_an_instant_in_a_condition_is_compared_as_it_is_stored(session):
    at = datetime(2026, 6, 1, 3, tzinfo=UTC)
    session.add(PackVersion(hash="h", pack="a", document="{}", first_used_at=at, last_used_at=at))
    session.flush()
    assert fetch_frame(session, select(PackVersion.hash).where(PackVersion.first_used_at <= at), {"hash": pl.String}).height == 1
