"""USCC: what is repaired, what is refused and in which words."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as standard

from crm.enterprises.uscc import InvalidUscc, Uscc, read_uscc
from crm.imports.checking.codes import ALPHABET, with_codes

VALID = ("91110000600037341L", "91110108551385082Q", "91350100M000100Y43", "91331002MA14177796", "91331081MA17066936", "91330803MA4391500M", "91330381MA8063600Q")


@pytest.mark.parametrize("code", VALID)
def test_a_valid_code_is_taken_as_it_stands(code: str) -> None:
    assert read_uscc(code) == Uscc(code, repaired=False)


@pytest.mark.parametrize("text", ["91331002ma14177796", "９１３３１００２ＭＡ１４１７７７９６", " 9133 1002-MA14177796 "])
def test_case_width_and_blanks_are_repaired_and_said_so(text: str) -> None:
    assert read_uscc(text) == Uscc("91331002MA14177796", repaired=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "uscc_missing"),
        ("331024000029634", "uscc_old_registration"),
        ("148340431", "uscc_organisation_code"),
        ("9133100", "uscc_length"),
        ("913310O2MA14177796", "uscc_letter"),
        ("91330000142927442T", "uscc_check"),
    ],
)
def test_a_wrong_code_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidUscc) as refused:
        read_uscc(text)

    assert refused.value.reason == reason


def test_the_letter_o_is_named_and_not_replaced() -> None:
    with pytest.raises(InvalidUscc) as refused:
        read_uscc("913310O2MA14177796")

    assert "第 7 位是字母 O" in refused.value.message


@given(st.lists(st.text(alphabet=ALPHABET + "IOx", min_size=17, max_size=19), min_size=1, max_size=20))
def test_the_column_check_agrees_with_the_standard_library(codes: list[str]) -> None:
    codes += [code[:17] + letter for code in codes[:2] if len(code) >= 17 for letter in ALPHABET]

    checked = with_codes(pl.DataFrame({"text": codes}), "text")

    assert checked["valid"].to_list() == [standard.is_valid(code.upper()) for code in codes]
