"""Kinds of paper beside the record: the card before a visit, the dispatch slip, the record's variants and a pack's own layout."""

from __future__ import annotations

import copy
import io
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from crm.criteria.schema.plans import PrintedRecord
from crm.reports.parts import PARTS
from crm.reports.render import RenderFailed
from tests.reports.samples import DIGEST, PROBLEMS, REGISTER, SRDI, full_record, short_record

if TYPE_CHECKING:
    from crm.reports.pool import RenderPool

COMMON = {
    "digest": DIGEST, "check_code": "D71B-973B-9E41-D958", "verify_url": "https://crm.example.gov.cn/v/D71B973B9E41D958",
    "asked_at": "2026-03-20T01:00:00+00:00", "unit": "青禾市助企服务工作专班",
}


def card(**given):
    cases = [{"title": p["title"], "kind": p["kind"], "unit": p["lead_unit"], "due": p["due_on"], "late": False} for p in PROBLEMS]
    return {
        **COMMON, "paper_title": "走访前一页纸", "on": "2026-03-20", "officer": "曹国平", "firm": short_record()["enterprise"],
        "trend": [{"label": "本年营收", "text": "1—9 月 1,940 万元，比上年同期 −12.3 %"}],
        "promise": {"on": "2026-01-12", "by": "曹国平", "step": "对接区金融服务中心", "due": "2026-02-10", "summary": "订单同比增长。"},
        "cases": cases, "alerts": [{"level": "red", "rule": "退库预警", "text": "全年低于 2,000 万元的可能很大"}],
        "ladder": {"place": "规上", "as_of": "2026-03-19", "tests": [REGISTER, SRDI]},
        "policies": [{"title": "首次上规奖励", "why": "", "draft": True}], "ask": ["数字化水平"], **given,
    }  # fmt: skip


SLIP = {
    **COMMON, "paper_title": "交办单", "number": "青助交〔2026〕0012号", "on": "2026-03-20", "title": "设备采购资金缺口", "firm": "青禾市恒扬泵阀科技有限公司",
    "place": "青禾市 › 经开区", "contact": "李敏　138****0021", "source": "走访", "received_on": "2026-03-18", "kind": "融资", "urgency": "urgent",
    "text": "现有抵押物不足。", "lead": "区金融服务中心", "co_units": ["区财政局"], "due_on": "2026-03-31", "due_text": "7 个工作日",
    "rule": "普通件 7 个工作日（默认值，非政策）", "is_provisional": False, "requirements": ["3 个工作日内联系企业"], "signer": "周科",
}


def pages(done):
    """Text of each page without any space."""
    return ["".join(page.extract_text().replace("\u2060", "").split()) for page in PdfReader(io.BytesIO(done.pdf)).pages]


def test_a_full_card_fits_one_page(pool: RenderPool):
    assert pool.render(card(), {}, "briefing").pages == 1


def test_a_firm_nobody_knows_anything_of_has_a_card(pool: RenderPool):
    empty = card(promise=None, cases=[], alerts=[], ladder=None, policies=[], ask=[], trend=[])
    assert "还没有走访过这家企业" in pages(pool.render(empty, {}, "briefing"))[0]


def test_a_card_says_what_is_short_and_by_how_much(pool: RenderPool):
    assert "差1.42个百分点" in pages(pool.render(card(), {}, "briefing"))[0]


def test_a_slip_names_lead_deadline_and_the_rule_that_gave_it(pool: RenderPool):
    text = pages(pool.render(SLIP, {}, "slip"))[0]
    assert [word in text for word in ("区金融服务中心", "2026年3月31日", "默认值，非政策")] == [True, True, True]


@pytest.mark.parametrize(("kind", "data"), [("briefing", card()), ("slip", SLIP)])
def test_the_same_paper_gives_the_same_bytes(pool: RenderPool, kind, data):
    assert pool.render(data, {}, kind).pdf == pool.render(copy.deepcopy(data), {}, kind).pdf


def test_an_unknown_kind_is_refused_and_the_process_lives_on(pool: RenderPool):
    with pytest.raises(RenderFailed):
        pool.render(SLIP, {}, "poster")
    assert pool.render(SLIP, {}, "slip").pages == 1


def test_the_abstract_of_a_full_record_is_one_page(pool: RenderPool):
    record, images = full_record()
    assert pool.render({**record, "variant": "one_page"}, images).pages == 1


def test_the_abstract_counts_all_criteria_not_those_shown(pool: RenderPool):
    record, images = full_record()
    record["problems"], record["people"] = [], []
    assert "达到8/12项" in pages(pool.render({**record, "variant": "one_page"}, images))[0]


def test_a_record_without_photos_shows_none(pool: RenderPool):
    record, images = full_record()
    assert "现场影像" not in "".join(pages(pool.render({**record, "variant": "no_photos"}, images)))


def test_a_pack_orders_names_and_leaves_out_parts(pool: RenderPool):
    layout = {"title": "帮扶纪实", "parts": ["problems", "overview"], "headings": {"problems": "诉求清单"}}
    text = pages(pool.render({**full_record()[0], "layout": layout}, {}))[0]
    assert ("帮扶纪实" in text, text.index("一、诉求清单") < text.index("二、走访概况"), "企业基本情况" in text) == (True, True, False)


def test_a_packs_words_are_filled_with_the_records(pool: RenderPool):
    layout = {"copies": "本件由{{unit}}存档，{{ firm }}留存一份。"}
    text = pages(pool.render({**short_record(), "layout": layout}, {}))[-1]
    assert "本件由青禾市助企服务工作专班存档，青禾市恒扬泵阀科技有限公司留存一份。" in text


def test_an_expression_in_a_packs_words_is_refused_when_the_pack_is_read():
    with pytest.raises(ValidationError, match="is not known"):
        PrintedRecord(copies="{{ 7*7 }}")


def test_a_part_named_twice_is_refused():
    with pytest.raises(ValidationError, match="twice"):
        PrintedRecord(parts=("firm", "firm"))


def test_every_part_a_pack_may_name_has_a_place_in_the_template(pool: RenderPool):
    record, images = full_record()
    record["fields"] = record.get("fields") or [{"label": "用工", "value": "紧缺"}]
    text = "".join(pages(pool.render({**record, "layout": {"headings": {p: f"标{n}题" for n, p in enumerate(PARTS)}}}, images)))
    assert [f"标{n}题" in text for n in range(len(PARTS))] == [True] * len(PARTS)
