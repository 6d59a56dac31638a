"""Two versions of a pack, or two days of one, told apart entry by entry."""

from __future__ import annotations

from datetime import date

from crm.criteria.differences import differences
from crm.criteria.packs import Pack
from tests.criteria.conftest import DAY


def changed(pack, **sections):
    return Pack.from_document(pack.book.model_copy(update=sections).canonical())


def test_a_pack_does_not_differ_from_itself(pack):
    assert differences(pack, pack) == []


def test_an_entry_taken_out_is_told_once_not_with_all_its_conditions(pack):
    (told,) = differences(pack, changed(pack, pools=pack.book.pools[1:]))
    assert (told.kind, told.section, told.path) == ("removed", "pools", (pack.book.pools[0].id,))


def test_an_added_entry_is_told_as_added(pack):
    (told,) = differences(changed(pack, notes=()), pack)
    assert told.text == "新增 提示 应统未统 ‹should_register›"


def test_a_changed_condition_shows_both_texts(pack):
    pool = pack.book.pools[0]
    nodes = (pool.all[0].model_copy(update={"test": "revenue_main >= 800万元"}), *pool.all[1:])
    (told,) = differences(pack, changed(pack, pools=(pool.model_copy(update={"all": nodes}), *pack.book.pools[1:])))
    assert told.fields == (("test", "revenue_main >= 1000万元", "revenue_main >= 800万元"),)


def test_two_days_under_the_same_rules_do_not_differ(pack):
    assert differences(pack, pack, (DAY, date(2026, 6, 2))) == []


def test_a_new_rule_on_its_first_day_is_a_difference(pack):
    assert {d.path[0] for d in differences(pack, pack, (date(2026, 3, 31), date(2026, 4, 1)))} >= {"srdi"}
