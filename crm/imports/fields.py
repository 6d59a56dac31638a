"""What a column can be: the fields of each kind of import, and the words offices head them with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm.imports.reading.cells import fold_cell, without_unit

REQUIRED = {"registrations": ("uscc", "name"), "annual": (), "monthly": (), "titles": ("title", "granted_on"), "register": (), "cases": ("received_on",)}
"""Fields without which a kind cannot be imported (besides a firm column)."""
FIRM_KEYS = ("uscc", "name", "short_name", "code")
"""A row says which firm it is about in one of these."""


@dataclass(frozen=True, slots=True)
class Field:
    """`shape`: text, uscc, date, money, count, bp, score, level, kwh, capital, period, title, region …"""

    name: str
    label: str
    shape: str
    words: tuple[str, ...] = ()


def _fields(*rows: tuple[str, str, str, str]) -> tuple[Field, ...]:
    return tuple(Field(name, label, shape, (label, name, *words.split())) for name, label, shape, words in rows)


FIRM = _fields(
    ("uscc", "统一社会信用代码", "uscc", "社会信用代码 信用代码 统一信用代码 统一代码 纳税人识别号 税号 uscc_raw 机构信用代码 统一社会信用代码/注册号 credit_code"),
    ("name", "企业名称", "text", "单位名称 单位详细名称 公司名称 企业全称 名称 市场主体名称 法人单位名称 填报单位 申报单位 企业 纳税人名称 用户名称 公司 户名"),
    ("code", "证券代码", "text", "股票代码 上市代码 code 企业编码 用户编号"),
    ("short_name", "企业简称", "text", "简称 证券简称 股票简称"),
    ("region", "所属地区", "region",
     "地区 所在地 属地 所在地区 县市区 县(市、区) 所属县市区 区县 行政区划 行政区划代码 所属镇街 镇街 乡镇街道 乡镇(街道) 所在乡镇 county_hq 所属区域 区域 地市 城市 city place_as_reported"),
)
REGISTRATION = _fields(
    ("registered_on", "成立日期", "date", "注册日期 登记日期 注册时间 成立时间 设立日期 开业日期 核准日期 reg_date"),
    ("org_type", "企业类型", "text", "登记注册类型 类型 市场主体类型 公司类型 组织形式"),
    ("capital", "注册资本", "capital", "注册资金 注册资本金 认缴资本 capital_raw"),
    ("scope", "经营范围", "text", "业务范围 主营业务"),
    ("address", "地址", "text", "住所 注册地址 企业地址 经营地址 单位地址 详细地址 生产经营地址 通讯地址 登记住所"),
    ("industry", "行业", "industry", "行业代码 国民经济行业 国民经济行业代码 所属行业 行业类别 行业小类 行业名称"),
    ("zone", "功能区", "zone", "所属功能区 园区 所属园区 开发区"),
    ("legal_person", "法定代表人", "text", "法人代表 法人 负责人 法定代表人(负责人) 经营者 法人姓名"),
    ("contact", "联系人", "text", "联系人姓名 企业联系人"),
    ("phone", "联系电话", "text", "电话 手机 手机号 联系方式 手机号码 联系人电话 电话号码"),
    ("status", "经营状态", "status", "登记状态 状态 企业状态 存续状态"),
    ("main_products", "主导产品", "text", "主要产品 主营产品"),
)
MEASURES = _fields(
    ("revenue", "营业收入", "money", "营收 营业总收入 营业额 主营业务收入(营业收入) 总收入 收入 年营业收入"),
    ("revenue_main", "主营业务收入", "money", "主营收入 年主营业务收入"),
    ("revenue_taxable", "应税销售", "money", "应税主营业务收入 应税销售额 应税销售收入 应税收入"),
    ("invoiced_sales", "开票销售", "money", "开票销售额 开票收入 开票金额 开票销售收入 不含税开票销售额"),
    ("revenue_local", "本市营业收入", "money", "市内营业收入 区域内营业收入 本地营业收入"),
    ("main_product_revenue", "主导产品收入", "money", "主导产品销售收入 主导产品营业收入"),
    ("output_gross", "工业总产值", "money", "总产值 产值 工业产值 现价产值 规上工业总产值"),
    ("value_added", "工业增加值", "money", "增加值"),
    ("export_delivery", "出口交货值", "money", "出口额 出口交货额"),
    ("profit_total", "利润总额", "money", "利润"),
    ("profit_net", "净利润", "money", "税后利润 归母净利润 net_profit net_profit_parent 归属于母公司净利润 net_profit_cum"),
    ("profit_net_recurring", "扣非净利润", "money", "扣除非经常性损益后净利润 净利润(扣除非经常性损益后) net_profit_ex 扣除非经常性损益的净利润"),
    ("operating_cash_flow", "经营现金流净额", "money", "经营活动产生的现金流量净额 经营活动现金流量净额 经营活动现金流净额 cfo"),
    ("cost_total", "成本费用总额", "money", "成本费用 成本费用合计"),
    ("tax_paid", "实缴税收", "money", "税收 实缴税金 纳税总额 税金 入库税收 上缴税收 缴税 实际上缴税金 税收总额"),
    ("rd_expense", "研发费用", "money", "研发投入 研究开发费用 研发经费 r&d经费 r&d费用 研发支出 rd_expense rd_cum 技术开发费"),
    ("rd_expense_domestic", "境内研发费用", "money", "境内研发投入"),
    ("hightech_revenue", "高新技术产品收入", "money", "高新技术产品(服务)收入 高新收入"),
    ("assets_total", "资产总额", "money", "资产总计 总资产 资产合计 期末资产 assets"),
    ("liabilities_total", "负债总额", "money", "负债总计 总负债 负债合计 liab liabilities"),
    ("net_assets", "净资产", "money", "所有者权益 股东权益 所有者权益合计 股东权益不含少数股东权益"),
    ("equity_raised", "新增股权融资", "money", "股权融资 股权融资额 当年新增股权融资"),
    ("investment_planned", "计划投资", "money", "计划总投资"),
    ("investment_digital", "数字化投入", "money", "数字化投资 数字化软硬件投资"),
    ("employees", "从业人员", "count", "职工人数 员工人数 平均用工人数 用工人数 从业人员数 从业人数 人数 职工总数 从业人员平均人数 期末从业人数"),
    ("rd_staff", "研发人员", "count", "研发人员数 r&d人员"),
    ("tech_staff", "科技人员", "count", "科技人员数"),
    ("insured_staff", "参保人数", "count", "社保人数 参保人员 社保参保人数"),
    ("electricity", "用电量", "kwh", "电力消费量 电量 工业用电量 用电"),
    ("land_area", "用地面积", "area", "土地面积 占地面积"),
    ("energy", "综合能耗", "energy", "能源消费量 综合能源消费量 能耗"),
    ("niche_years", "从事细分市场年限", "count", "细分市场年限"),
    ("ip_class1", "Ⅰ类知识产权", "count", "I类知识产权 一类知识产权"),
    ("ip_class2", "Ⅱ类知识产权", "count", "II类知识产权 二类知识产权"),
    ("patents_invention", "有效发明专利", "count", "发明专利 发明专利数 有效发明专利数"),
    ("standards_led", "主导标准", "count", "参与标准 主导/参与标准 制定标准数"),
    ("market_share", "市场占有率", "bp", "细分市场占有率 市占率"),
    ("zjtx_score", "专精特新评价得分", "score", "专精特新发展评价得分 评价得分"),
    ("innovation_score", "创新能力评分", "score", "高企评分"),
)
PERIOD = _fields(
    ("period", "报告期", "period", "期别 所属期 税款所属期 数据期 年度 年份 年 year 会计年度 统计年度 月份 月 统计月份 报告日期 时间 日期 报告年度 年月"),
    ("month", "月份", "month", "月 统计月份 月度 month"),
    ("quarter", "季度", "quarter", "季 quarter"),
)
TITLE = _fields(
    ("title", "称号", "title", "荣誉 认定称号 称号名称 荣誉名称 认定类别 资质名称 award 认定类型 资质 荣誉称号 项目名称"),
    ("granted_on", "认定日期", "date", "认定时间 获得时间 授予时间 发证日期 公布日期 date 发文日期 认定年度 批准日期"),
    ("valid_to", "有效期至", "date", "到期日期 有效期止 有效期 截止日期 到期时间"),
    ("revoked_on", "撤销日期", "date", "取消日期 撤销时间"),
    ("level", "级别", "text", "称号级别 认定级别 层级"),
    ("batch", "批次", "text", "认定批次"),
    ("document", "文号", "text", "文件 认定文号 依据文件 发文文号 source"),
    ("grant_kind", "认定或复核", "grant_kind", "认定方式 类型"),
)
REGISTER = _fields(
    ("entered_on", "入库日期", "date", "入库时间 纳入日期 纳入时间 上规时间 上规日期 入统时间"),
    ("exited_on", "退库日期", "date", "退库时间 退出日期 退出时间"),
    ("profession", "专业", "profession", "统计专业 行业专业 所属专业"),
    ("exit_reason", "退库原因", "text", "退出原因"),
    ("entry", "入库类型", "entry", "纳入类型 首次或重返"),
    ("document", "文号", "text", "文件 依据文件 批复文号"),
)
CASE = _fields(
    ("subject", "诉求标题", "text", "标题 问题 诉求 事项 诉求事项 主题 诉求主题 工单标题 反映事项 问题标题 诉求问题 反映问题"),
    ("detail", "诉求内容", "text", "内容 问题描述 诉求描述 具体内容 工单内容 反映内容 详细内容 问题内容 情况说明"),
    ("external_no", "诉求编号", "text", "编号 工单编号 工单号 受理编号 件号 流水号 单号 问题编号 热线编号"),
    ("received_on", "收到日期", "date", "来电时间 受理时间 登记时间 提交时间 诉求时间 反映时间 提出时间 收到时间 来电日期 受理日期 登记日期 提交日期 反映日期 创建时间 日期 时间"),
    ("case_kind", "诉求类型", "text", "类别 类型 诉求类别 问题类型 问题类别 事项类别 诉求分类 分类 工单类型"),
    ("urgency", "紧急程度", "text", "紧急 缓急 急缓 优先级 工单级别 办理类别"),
    ("case_source", "来源", "text", "来源渠道 渠道 诉求来源 受理渠道 来源平台 平台"),
    ("contact", "联系人", "text", "联系人姓名 来电人 反映人 企业联系人 诉求人"),
    ("phone", "联系电话", "text", "电话 手机 手机号 联系方式 手机号码 联系人电话 电话号码 来电号码"),
)
KIND_FIELDS: dict[str, tuple[Field, ...]] = {
    "registrations": FIRM + REGISTRATION,
    "annual": FIRM + PERIOD[:1] + MEASURES,
    "monthly": FIRM + PERIOD + MEASURES,
    "titles": FIRM + TITLE,
    "register": FIRM + REGISTER,
    "cases": FIRM + CASE,
}
TITLE_WORDS: dict[str, str] = {
    "重点小巨人": "key_little_giant", "小巨人": "little_giant", "专精特新": "srdi", "创新型中小企业": "innovative_sme", "省科技型中小企业": "tech_sme_zj",
    "省科小": "tech_sme_zj", "科技型中小企业": "tech_sme", "国科小": "tech_sme", "高新技术企业": "hnte", "国高": "hnte", "高企": "hnte",
    "隐形冠军": "hidden_champion", "省单项冠军": "champion_zj", "省制造业单项冠军": "champion_zj", "单项冠军": "champion", "瞪羚": "gazelle", "独角兽": "unicorn",
    "雄鹰": "xiongying", "链主": "chain_leader", "民营企业制造业500强": "top500_private_manufacturing", "制造业民营企业500强": "top500_private_manufacturing",
    "制造业500强": "top500_manufacturing", "市级企业技术中心": "rd_center_city", "市企业技术中心": "rd_center_city", "企业技术中心": "rd_center",
    "研发中心": "rd_center", "企业研究院": "rd_center", "数字化车间": "digital_workshop", "智能工厂": "smart_factory", "未来工厂": "future_factory",
}
"""Words in a title as written -> title id; the first found wins, narrower ones stand first. What is only 培育 or 市级 of a national title is not taken for it."""
NOT_YET = re.compile(r"培育|入库|后备|候选|申报|市级专精特新|市小巨人|市级.*小巨人|科技小巨人|服务平台|服务示范")
STATUS_WORDS = {
    "active": "存续 在营 开业 正常 在业 在营(开业)企业 存续(在营、开业、在册) 营业 生产", "suspended": "停业 歇业 停产 半停产", "revoked": "吊销 吊销,未注销",
    "cancelled": "注销 已注销", "moved_out": "迁出 迁移异地",
}
STATUSES = {word: status for status, words in STATUS_WORDS.items() for word in words.split()}
PROFESSIONS = {
    "工业": "industry", "规上工业": "industry", "批发业": "wholesale", "批发": "wholesale", "零售业": "retail", "零售": "retail", "住宿业": "lodging_catering",
    "餐饮业": "lodging_catering", "住餐": "lodging_catering", "住宿餐饮": "lodging_catering", "服务业": "services", "规上服务业": "services", "建筑业": "construction",
    "房地产": "real_estate", "房地产业": "real_estate",
}
TEXT_SHAPES = frozenset({"text", "uscc", "region", "industry", "zone", "status", "title", "grant_kind", "profession", "entry", "capital"})
_MARKS = re.compile(r"[\s*＊:：、,，.。·\-—_\"'“”《》\[\]【】]+")


def head_key(head: str) -> str:
    """A head as it is compared: without unit, marks, blanks, numbering; lower case."""
    text = _MARKS.sub("", without_unit(head).lower())
    return re.sub(r"^(?:\d+|[一二三四五六七八九十]+)(?=[^\d年月一二三四五六七八九十])", "", text)


def word_index(kind: str) -> dict[str, Field]:
    """Head key -> field of this kind; the first field that claims a word has it."""
    index: dict[str, Field] = {}
    for field in KIND_FIELDS[kind]:
        for word in field.words:
            index.setdefault(head_key(word), field)
    return index


def known_heads() -> frozenset[str]:
    """Every word any kind knows, for finding the head row before the kind is known. Of cases only what no other table says (not 来源, 内容, 时间)."""
    return frozenset(key for kind in KIND_FIELDS for key in word_index(kind) if kind != "cases" or len(key) > 2)


def title_of(text: str) -> str | None:
    """The title id a text names; None when it names none, or only a candidature for one."""
    bare = fold_cell(text).replace(" ", "").replace("“", "").replace("”", "").replace('"', "")
    if NOT_YET.search(bare):
        return None
    return next((title for word, title in TITLE_WORDS.items() if word in bare), None)


def lacking(kind: str, mapped: set[str]) -> list[str]:
    """What a file of this kind still needs a column for, in words; empty: it can be checked.

    A register row needs one of its two dates, figures need one measure, and every row must name its firm.
    """
    labels = {field.name: field.label for field in KIND_FIELDS[kind]}
    short = [labels[name] for name in REQUIRED[kind] if name not in mapped]
    if not mapped & set(FIRM_KEYS) and not short:
        short.append("企业名称或统一社会信用代码")
    if kind in ("annual", "monthly") and not mapped & {field.name for field in MEASURES}:
        short.append("至少一项数据（如营业收入）")
    if kind == "register" and not mapped & {"entered_on", "exited_on"}:
        short.append("入库日期或退库日期")
    if kind == "cases" and not mapped & {"subject", "detail"}:
        short.append("诉求标题或诉求内容")
    return short
