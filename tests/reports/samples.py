"""Invented records for tests and measurements: a short one of one page, a full one of three with four photos."""

from __future__ import annotations

import hashlib
import io
import random
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

DIGEST = hashlib.sha256(b"sample").hexdigest()


def _criterion(label: str, required: str, actual: str, state: str, gap: str = "", clause: str = "") -> dict[str, Any]:
    return {"label": label, "required": required, "actual": actual, "state": state, "gap": gap, "clause": clause}


REGISTER = {
    "name": "规上工业入库（年主营业务收入）", "draft": False, "source": "规模以上工业统计报表制度（示例口径）",
    "criteria": [_criterion("年主营业务收入", "≥ 2,000 万元", "1,612 万元", "unmet", "差 388 万元", "第三条")],
}
SRDI = {
    "name": "专精特新中小企业认定", "draft": False,
    "source": "《优质中小企业梯度培育管理办法》附件1（示例条文号，仅供样张）",
    "criteria": [
        _criterion("从事特定细分市场时间", "≥ 3 年", "13 年", "met", "", "一（一）"),
        _criterion("上年度研发费用总额占营业收入总额比重", "≥ 3 %", "1.58 %", "unmet", "差 1.42 个百分点", "一（二）"),
        _criterion("主导产品占营业收入比重", "≥ 60 %", "93 %", "met", "", "一（三）"),
        _criterion("近 2 年主营业务收入平均增长率", "≥ 5 %", "8.2 %", "met", "", "一（四）"),
        _criterion("Ⅰ类知识产权数量", "≥ 2 项", "0 项", "unmet", "差 2 项", "一（五）"),
        _criterion("上年度营业收入总额", "≥ 1,000 万元", "4,752 万元", "met", "", "一（六）"),
        _criterion("资产负债率", "≤ 70 %", "56 %", "met", "", "一（七）"),
        _criterion("研发机构建设", "市级以上", "已备案", "met", "", "一（八）"),
        _criterion("数字化水平", "二级以上", "", "unknown", "", "一（九）"),
        _criterion("质量管理体系认证", "至少 1 项", "ISO 9001", "met", "", "一（十）"),
        _criterion("近 3 年重大安全、环保事故", "无", "无", "met", "", "一（十一）"),
        _criterion("专职研发人员占比", "≥ 15 %", "8.4 %", "unmet", "差 6.6 个百分点", "一（十二）"),
    ],
}
PROBLEMS = [
    {"kind": "融资", "urgency": "normal", "title": "二期扩产设备采购资金缺口约 272 万元", "detail": "现有抵押物不足，希望对接知识产权质押贷款或“园区贷”产品。", "lead_unit": "区金融服务中心", "due_on": "2026-04-18"},
    {"kind": "用工", "urgency": "urgent", "title": "春节后一线操作工缺口 31 人", "detail": "数控技师招聘周期超过两个月，希望纳入园区专场招聘并给予技能培训补贴。", "lead_unit": "区人社局", "due_on": "2026-04-27"},
    {"kind": "用能", "urgency": "urgent", "title": "厂区 10 kV 专线负荷接近上限", "detail": "二期投产后预计新增负荷 272 kVA，用电报装流程与周期不清楚。", "lead_unit": "供电公司高新分公司", "due_on": "2026-04-08"},
    {"kind": "政策兑现", "urgency": "normal", "title": "2025 年度技改补助已公示未到账", "detail": "企业现金流承压。", "lead_unit": "区工信局", "due_on": "2026-06-19"},
    {"kind": "其他", "urgency": "normal", "title": "园区东侧货运通道早高峰限行", "detail": "原料车辆需绕行 31 公里，影响交货。", "lead_unit": "市交警支队", "due_on": "2026-06-19"},
    {"kind": "审批证照", "urgency": "normal", "title": "环评变更手续涉及两级部门", "detail": "企业对材料清单口径存在疑问。", "lead_unit": "区行政审批局", "due_on": "2026-04-08"},
]  # fmt: skip


def short_record() -> dict[str, Any]:
    """One page, no photos."""
    return {
        "schema": 1, "number": "企访〔2026〕0007号", "unit": "青禾市助企服务工作专班", "notice": "内部资料　注意保管",
        "check_code": "D71B-973B-9E41-D958", "digest": DIGEST, "signed_at": "2026-03-20T01:00:00+00:00",
        "verify_url": "https://crm.example.gov.cn/v/D71B973B9E41D958", "author": "曹国平",
        "visit": {
            "kind": "onsite", "started_at": "2026-03-18T01:30:00+00:00", "ended_at": "2026-03-18T03:20:00+00:00",
            "place": "青禾市经开区创新路 69 号",
            "summary": "企业主营泵阀配套件，2025 年订单同比增长 8.2 %，产能利用率约 79 %。走访组实地察看了生产车间与研发中心，宣讲了稳增长和设备更新政策，现场答复咨询事项 2 项。",
            "next_step": "送《知识产权质押贷款》办事指南，陪同跑一次银行", "next_on": "2026-03-27",
        },
        "enterprise": {
            "name": "青禾市恒扬泵阀科技有限公司", "uscc": "91331081MA2XXXXX1A", "legal_person": "㛃䶮", "industry": "C3441 泵及真空设备制造",
            "size": "小型", "registered_on": "2010-02-11", "capital": 75_000_000, "figures_year": 2025, "revenue": 47_520_000,
            "tax": 1_210_000, "employees": 104, "rd_staff": 9, "rd_ratio": "1.58 %", "region": "青禾市经开区", "contact": "吕思　139****9711",
        },
        "people": [
            {"side": "us", "name": "梁婉志", "unit": "经开区经济和信息化局", "title": "副局长（带队）"},
            {"side": "firm", "name": "林桐", "unit": "青禾市恒扬泵阀科技有限公司", "title": "财务负责人"},
        ],
        "problems": PROBLEMS[:2],
        "ladder": {"place": "规上", "as_of": "2026-03-18", "tests": [REGISTER]},
        "photos": [], "signatures": [], "policies": [], "fields": [], "told": [],
    }  # fmt: skip


def full_record() -> tuple[dict[str, Any], dict[str, bytes]]:
    """Three pages, four photos, one signature."""
    record = short_record()
    record["visit"]["suggestions"] = "希望主管部门每季度组织一次银企对接，减少重复填报。"
    record["people"] += [
        {"side": "us", "name": "谢明艳", "unit": "经开区中小企业服务中心", "title": "首席服务专员"},
        {"side": "firm", "name": "㛃䶮", "unit": "青禾市恒扬泵阀科技有限公司", "title": "法定代表人、总经理"},
    ]
    record["problems"] = PROBLEMS
    record["ladder"]["tests"] = [SRDI, REGISTER]
    record["policies"] = [{"title": "首次上规奖励", "draft": True}, {"title": "稳岗返还"}]
    record["told"] = [{"label": "本年销售额", "yuan": 11_800_000}, {"label": "明年预计销售额", "yuan": 21_000_000}]
    record["enterprise"]["products"] = "泵阀及配套组件，主要配套华东地区整机厂"
    captions = ["车间现场察看", "座谈交流", "研发中心", "政策宣讲"]
    record["photos"] = [{"id": f"p{i}", "caption": f"{c}（2026年3月18日）"} for i, c in enumerate(captions)]
    record["signatures"] = [{"side": "firm", "id": "s1", "on": "2026-03-18"}]
    images = {f"p{i}": photo(i) for i in range(4)} | {"s1": signature()}
    return record, images


def photo(seed: int, size: tuple[int, int] = (1600, 1200)) -> bytes:
    """A picture with the detail of a photograph: shapes, blur and grain."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, (150 + 20 * seed, 160, 170))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        w, h = rng.randrange(40, 400), rng.randrange(40, 300)
        draw.rectangle((x, y, x + w, y + h), fill=tuple(rng.randrange(40, 230) for _ in range(3)))
    image = image.filter(ImageFilter.GaussianBlur(6))
    grain = Image.frombytes("L", size, rng.randbytes(size[0] * size[1])).convert("RGB")
    out = io.BytesIO()
    Image.blend(image, grain, 0.05).save(out, "JPEG", quality=88)
    return out.getvalue()


def signature() -> bytes:
    """Strokes on transparent ground, as the signing pad sends them."""
    image = Image.new("RGBA", (680, 272), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for line in ([(200, 120), (310, 100)], [(260, 70), (250, 150), (200, 210)], [(262, 120), (330, 200)],
                 [(380, 95), (480, 85)], [(420, 60), (414, 180)], [(350, 190), (500, 178)]):
        draw.line(line, fill=(20, 30, 60, 255), width=7, joint="curve")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
