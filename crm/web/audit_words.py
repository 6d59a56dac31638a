"""Names of actions, tables and columns as the audit page shows them. What is not named here is shown as stored."""

from __future__ import annotations

SUBJECTS = {
    "enterprise": "企业", "contact": "联系人", "former_name": "曾用名", "enterprise_event": "企业事件", "filing": "填报数据",
    "register_membership": "在库记录", "title_grant": "称号", "stage_entry": "上市阶段", "move": "升降", "visit": "走访",
    "visit_person": "走访人员", "supplement": "走访补充", "attachment": "附件", "case": "诉求", "case_event": "诉求经过", "case_file": "诉求附件",
    "alert": "预警", "alert_event": "预警经过", "import_batch": "导入批次", "job_pause": "任务暂停", "job_run": "任务", "user": "用户",
    "ab_user": "用户", "ab_role": "角色", "user_profile": "用户档案", "user_region": "用户辖区", "region": "行政区划", "zone": "功能区",
    "industry": "行业", "audit_entry": "审计记录",
}
"""`subject_type` as stored -> what it is."""

VERBS = {"insert": "新增", "update": "修改", "delete": "删除", "bulk_update": "批量修改", "bulk_delete": "批量删除"}

NAMED = {
    "sign_in": "登录", "sign_in_failed": "登录失败", "sign_in_refused": "登录被拒（已锁定）", "sign_out": "退出", "locked_out": "账户锁定", "lockout": "账户锁定",
    "password_changed": "改密码", "password_reset": "重置密码", "refused": "被拒绝的尝试", "export": "导出",
    "audit.verified": "核对审计链", "audit.export": "导出审计记录", "enterprises.export": "导出企业名单",
    "import.upload": "上传导入文件", "import.apply": "要求写入", "import.undo": "要求撤销", "import.discard": "放弃导入",
    "import.checked": "检查导入文件", "import.applied": "导入写入", "import.undone": "导入撤销", "import.rejected_file": "下载退回行", "job.run": "立即运行任务", "job.cancel": "取消任务", "alert.export": "导出预警", "phone.carry": "名单装到手机",
}

ACTIONS = {
    "sign_in": "登录", "sign_in_failed": "登录失败", "sign_in_refused": "登录被拒", "password_changed": "改密码", "enterprise.": "企业", "contact.": "联系人",
    "filing.": "填报数据", "register_membership.": "在库记录", "title_grant.": "称号", "move.": "升降", "visit.": "走访", "case.": "诉求",
    "alert.": "预警", "import.": "导入", "import_batch.": "导入批次", "ab_user.": "用户", "user_region.": "用户辖区", "audit.": "审计",
}
"""What the page filters by: a whole action, or the beginning of its name up to the dot."""

FIELDS = {
    "name": "名称", "uscc": "统一社会信用代码", "region_code": "行政区划", "zone_code": "功能区", "industry_code": "行业", "address": "地址",
    "status": "状态", "status_on": "状态日期", "officer_id": "助企干部", "phone": "电话", "legal_person": "法定代表人", "title": "职务或称号",
    "state": "状态", "level": "级别", "owner_id": "认领人", "snoozed_until": "暂缓到", "resolution": "解除理由", "resolved_at": "解除时间",
    "reason": "理由", "count": "笔数", "rows": "行数", "up_to": "核对到", "broken_at": "对不上的编号", "digest": "摘要", "first": "前几个编号",
    "statement": "语句", "parameters": "参数", "entered_on": "入库日期", "exited_on": "退库日期", "exit_reason": "退库原因",
    "granted_on": "认定日期", "valid_to": "有效期至", "revoked_on": "撤销日期", "username": "用户名", "roles": "角色", "code": "代码",
    "file_name": "文件名", "kind": "类别", "decision_reason": "决定理由", "registered_on": "成立日期", "registered_capital": "注册资本（元）",
    "employees": "从业人员", "revenue": "营业收入（元）", "period": "所属期", "at": "时间", "by": "操作人", "file": "文件", "unit": "单位", "new": "新增",
    "changed": "变更", "same": "相同", "duplicate": "重复", "rejected": "退回", "job": "任务", "note": "备注", "active": "启用",
}


def action_words(action: str) -> str:
    """'enterprise.update' -> '修改企业'; unknown names stay as they are."""
    if action in NAMED:
        return NAMED[action]
    table, _, verb = action.rpartition(".")
    if verb in VERBS and table:
        return f"{VERBS[verb]}{SUBJECTS.get(table, f' {table}')}"
    return action
