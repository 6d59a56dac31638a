"""Reason codes of findings and what people read for them. Stored with every finding: never rename."""

from __future__ import annotations

SEVERITIES = {"rejected": "退回", "duplicate": "重复", "repaired": "已规范", "suspicious": "请核对"}
REASONS = {
    "uscc_missing": "缺少信用代码", "uscc_old_registration": "15 位旧注册号", "uscc_organisation_code": "9 位组织机构代码", "uscc_length": "信用代码位数不对",
    "uscc_letter": "信用代码含不用的字母", "uscc_check": "信用代码校验位不对", "uscc_format": "信用代码格式不对", "uscc_repaired": "信用代码已规范",
    "name_missing": "缺少企业名称", "name_too_long": "企业名称过长", "total_row": "合计行", "text_shortened": "文字超长已截短",
    "region_unknown": "看不出属地", "region_unreadable": "地区不认识", "region_conflict": "地址与地区不一致", "region_city_only": "属地只到市一级", "outside": "不在辖区内",
    "date_unreadable": "日期看不懂", "date_in_future": "日期晚于今天", "date_missing": "缺少日期", "date_rough": "日期没有写到日", "dates_crossed": "日期先后颠倒",
    "capital_foreign": "外币注册资本", "capital_unreadable": "注册资本看不懂", "status_unknown": "经营状态不认识", "industry_unknown": "行业不认识",
    "same_row": "重复行", "same_uscc_differs": "同一代码内容不同", "same_name": "文件内同名", "same_name_on_file": "库中同名",
    "firm_missing": "看不出是哪家企业", "firm_unknown": "库中没有这家企业", "firm_ambiguous": "对得上多家企业", "matched_former_name": "按曾用名对应",
    "matched_by_key": "按简称对应", "period_unreadable": "报告期看不懂", "period_in_future": "报告期还没有到", "number_unreadable": "不是数字", "no_figures": "没有数据",
    "conflicting_row": "同企业同期数据矛盾", "unit_assumed": "单位按元处理", "form_assumed": "按当月数处理", "unit_suspect": "疑似单位写错", "ytd_falling": "累计数下降",
    "period_exceeds_ytd": "当月大于累计", "looks_cumulative": "当月像累计", "negative": "负数", "title_unknown": "称号不认识", "not_in_register": "没有入库记录",
    "already_in_register": "已经在库", "source_unknown": "来源不认识", "subject_missing": "缺少诉求内容", "case_kind_unknown": "诉求类型不认识",
    "urgency_unknown": "紧急程度不认识", "number_made": "没有编号", "number_taken": "编号属于别的企业", "number_too_long": "编号过长", "case_differs": "已登记且文字不同",
}
