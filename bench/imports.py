"""Import speed: seconds, rows a second, peak memory and counts, for CSV and XLSX, first and second time.

    python -m bench.imports [--rows 30000] [--file registry.csv] [--database URL] --json

Without --file it makes registrations of invented firms with valid codes; the figures file has three years of each.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import xlsxwriter
from sqlalchemy.orm import Session

from crm.core.clock import now
from crm.core.db import make_engine
from crm.imports.checking.codes import ALPHABET
from crm.imports.operations import import_file
from crm.regions.operations import load_reference
from crm.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

TOWNS = ("温岭市泽国镇", "温岭市大溪镇", "临海市杜桥镇", "黄岩区院桥镇", "玉环市楚门镇", "路桥区金清镇", "天台县平桥镇", "仙居县下各镇")


def code(number: int) -> str:
    """A valid USCC of an invented firm."""
    body = f"91331081MA{number:07d}"
    total = sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + ALPHABET[(31 - total % 31) % 31]


def registrations(rows: int) -> Iterable[list[str]]:
    """Heads and rows as a market bureau exports them."""
    luck = random.Random(7)
    yield ["企业名称", "统一社会信用代码", "成立日期", "企业类型", "注册资本", "经营范围", "所属地区", "住所"]
    for n in range(rows):
        town = luck.choice(TOWNS)
        name = "".join(chr(luck.randrange(0x4E00, 0x8FFF)) for _ in range(4))
        yield [f"台州示例{name}机械有限公司", code(n), f"20{n % 20:02d}-0{n % 9 + 1}-15", "有限责任公司", f"{n % 900 + 10}万人民币",
               "泵、阀门、机械设备及配件制造、销售；货物进出口、技术进出口。" * 2, "台州", f"浙江省台州市{town}工业区{n % 300}号"]


def figures(rows: int) -> Iterable[list[str]]:
    """Three years of five measures a firm."""
    luck = random.Random(8)
    yield ["统一社会信用代码", "年度", "营业收入(万元)", "利润总额(万元)", "研发费用(万元)", "资产总额(万元)", "从业人员"]
    for n in range(rows):
        yield [code(n // 3), str(2022 + n % 3), *(f"{luck.random() * 9000:.2f}" for _ in range(4)), str(luck.randrange(5, 900))]


def write(folder: Path, name: str, lines: Iterable[list[str]]) -> list[Path]:
    """The same rows as CSV and as XLSX."""
    rows = list(lines)
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)
    with xlsxwriter.Workbook(str(folder / f"{name}.xlsx"), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for r, row in enumerate(rows):
            sheet.write_row(r, 0, row)
    return [folder / f"{name}.csv", folder / f"{name}.xlsx"]


def measure(session: Session, folder: Path, file: Path, kind: str, *, store: bool) -> dict[str, Any]:
    """One import: wall and processor seconds, counts."""
    wall, cpu = perf_counter(), process_time()
    batch = import_file(session, file, kind=kind, given={}, by=None, at=now(), data_dir=folder, write=store)
    session.commit() if store else session.rollback()
    wall, cpu = perf_counter() - wall, process_time() - cpu
    counts = batch.counts or {}
    return {"file": file.name, "seconds": round(wall, 3), "cpu_seconds": round(cpu, 3), "rows_per_second": round(counts["rows"] / wall), **counts,
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))}


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--file", type=Path, help="a file of registrations instead of invented ones")
    parser.add_argument("--database", help="database URL; a throw-away SQLite file when left out. Its tables are dropped!")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        engine = make_engine(options.database or f"sqlite:///{folder / 'bench.db'}")
        found: dict[str, Any] = {}
        made = [options.file] if options.file else write(folder, "registrations", registrations(options.rows))
        numbers = [] if options.file else write(folder, "figures", figures(options.rows))
        for index, file in enumerate(made):
            metadata.drop_all(engine)
            metadata.create_all(engine)
            with Session(engine, expire_on_commit=False) as session:
                load_reference(session)
                session.commit()
                shape = file.suffix.lstrip(".")
                found[f"{shape}_check"] = measure(session, folder, file, "registrations", store=False)
                found[f"{shape}_import"] = measure(session, folder, file, "registrations", store=True)
                found[f"{shape}_again"] = measure(session, folder, file, "registrations", store=True)
                if numbers:
                    found[f"{shape}_figures"] = measure(session, folder, numbers[index], "annual", store=True)
                    found[f"{shape}_figures_again"] = measure(session, folder, numbers[index], "annual", store=True)
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, result in found.items():
        print(f"{name:<22}{result['rows']:>8,} rows {result['seconds']:>7.2f} s {result['rows_per_second']:>8,}/s  peak {result['peak_mb']} MB  "
              f"new {result['new']:,} changed {result['changed']:,} same {result['same']:,} duplicate {result['duplicate']:,} rejected {result['rejected']:,}")


if __name__ == "__main__":
    main()
