"""Registrations: what is new, changed, the same, double or given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from crm.enterprises.models import Contact, Enterprise, FormerName, RegionStay
from crm.enterprises.queries import matching
from crm.imports.models import ImportBatch, ImportFinding

from .conftest import CODES, NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

HEAD = "企业名称,统一社会信用代码,成立日期,注册资本,住所,联系人,联系电话\n"
ONE = f"{NAMES[1]},{CODES[1]},2012-05-01,588万人民币,浙江省台州市温岭市泽国镇1号,王某,19900001111\n"


def counts(batch: ImportBatch) -> dict[str, int]:
    return {k: v for k, v in (batch.counts or {}).items() if v}


def reasons(session: Session, batch: ImportBatch) -> list[tuple[int, str, str]]:
    return list(session.execute(select(ImportFinding.row, ImportFinding.severity, ImportFinding.reason).where(ImportFinding.batch_id == batch.id).order_by(ImportFinding.id)).tuples())


def test_a_row_becomes_a_firm(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE)

    firm = reference.scalars(select(Enterprise)).one()

    assert (firm.uscc, firm.name, str(firm.registered_on), firm.registered_capital, firm.region_code, firm.region_found, firm.name_key) == (
        CODES[1], NAMES[1], "2012-05-01", 5_880_000, "331081100", "address", "大元泵业"
    )


def test_an_imported_firm_is_found_by_search(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE)

    assert [reference.scalar(select(func.count()).select_from(Enterprise).where(matching(text))) for text in ("大元", "wldyby", "MA1706", "19900001111")] == [1, 1, 1, 1]


def test_the_second_import_changes_nothing(bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE)

    assert counts(bring(HEAD + ONE)) == {"rows": 1, "same": 1}


def test_a_blank_does_not_erase(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE)

    again = bring(HEAD + f"{NAMES[1]},{CODES[1]},,--,,,\n")

    assert (counts(again), reference.scalar(select(Enterprise.registered_capital))) == ({"rows": 1, "same": 1}, 5_880_000)


def test_a_new_name_and_a_new_address_leave_their_history(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE)

    bring(HEAD + ONE.replace(NAMES[1], "温岭新元泵业有限公司").replace("温岭市泽国镇", "温岭市大溪镇"))

    assert (reference.scalars(select(FormerName.name)).all(), reference.scalars(select(RegionStay.region_code)).all()) == ([NAMES[1]], ["331081100"])


def test_a_division_a_person_chose_is_not_overruled_by_the_address(reference: Session, firms: list[int], bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + f"{NAMES[1]},{CODES[1]},,,浙江省台州市临海市杜桥镇1号,,\n")

    assert reference.get(Enterprise, firms[1]).region_code == "331081"


def test_a_new_phone_of_a_known_firm_is_a_change(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE)

    again = bring(HEAD + ONE.replace("19900001111", "19900002222"))

    assert (counts(again), reference.scalar(select(func.count()).select_from(Contact))) == ({"rows": 1, "changed": 1}, 2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f",{CODES[1]},,,温岭市,,\n", "name_missing"),
        ("甲厂,,,,温岭市,,\n", "uscc_missing"),
        ("甲厂,331024000029634,,,温岭市,,\n", "uscc_old_registration"),
        ("甲厂,91331081MA17066937,,,温岭市,,\n", "uscc_check"),
        (f"甲厂,{CODES[1]},,,第三车间,,\n", "region_unknown"),
    ],
)
def test_a_row_that_is_no_firm_is_given_back_with_its_reason(reference: Session, bring: Callable[..., ImportBatch], row: str, reason: str) -> None:
    batch = bring(HEAD + ONE.replace(CODES[1], CODES[0]) + row)

    assert [r for r in reasons(reference, batch) if r[1] == "rejected"] == [(3, "rejected", reason)]


def test_a_lower_case_code_is_repaired_and_said_so(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(HEAD + ONE.replace(CODES[1], CODES[1].lower()))

    assert (counts(batch), reasons(reference, batch)) == ({"rows": 1, "new": 1}, [(2, "repaired", "uscc_repaired")])


def test_the_same_row_twice_is_a_duplicate(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(HEAD + ONE + ONE)

    assert (counts(batch), reasons(reference, batch)) == ({"rows": 2, "new": 1, "duplicate": 1}, [(3, "duplicate", "same_row")])


def test_blanks_of_the_first_row_are_filled_from_its_duplicate(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE.replace("588万人民币", "") + ONE)

    assert reference.scalar(select(Enterprise.registered_capital)) == 5_880_000


def test_one_name_under_two_codes_is_suspicious(reference: Session, firms: list[int], bring: Callable[..., ImportBatch]) -> None:
    batch = bring(HEAD + ONE.replace(CODES[1], "91110108551385082Q"))

    assert reasons(reference, batch) == [(2, "suspicious", "same_name_on_file")]


def test_foreign_capital_is_kept_as_written(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    bring(HEAD + ONE.replace("588万人民币", "30(万美元)"))

    assert reference.execute(select(Enterprise.registered_capital, Enterprise.capital_raw)).one() == (None, "30(万美元)")


def test_a_declared_county_stands_against_an_address_elsewhere(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(f"企业名称,统一社会信用代码,所属地区,住所\n{NAMES[1]},{CODES[1]},温岭市,浙江省杭州市西湖区文三路1号\n", kind="registrations")

    assert (reference.scalar(select(Enterprise.region_code)), reasons(reference, batch)) == ("331081", [(2, "suspicious", "region_conflict")])


def test_a_dry_run_writes_no_firm(reference: Session, bring: Callable[..., ImportBatch]) -> None:
    batch = bring(HEAD + ONE, write=False)

    assert (batch.state, counts(batch), reference.scalar(select(func.count()).select_from(Enterprise))) == ("checked", {"rows": 1, "new": 1}, 0)
