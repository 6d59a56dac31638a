"""Filings: what a firm's figures were for a period, according to a source, as known on a day.

One row is one filing (enterprise, period, form, source). A correction is a new row; the old one gets `superseded_at`.
Standard measures are columns (integer 元, 人, …), anything else is in `extra`. NULL is missing, never zero.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Instant, Json, Keyed

PERIOD_KINDS = ("year", "month", "day")
FORMS = ("period", "ytd")  # 当月/当年, 1–本月累计
SOURCES = {
    "firm": "企业直报", "import": "表格导入", "tax": "税务", "electricity": "供电", "statistics": "统计（限用）",
    "visit": "走访", "audit": "审计报告", "demo": "示例",
}
RESTRICTED_SOURCES = frozenset({"statistics"})
"""Figures the statistics law keeps to statistical purposes: marked, and not exported."""

COLUMNS = (
    "revenue", "revenue_main", "revenue_taxable", "invoiced_sales", "revenue_local", "main_product_revenue",
    "output_gross", "value_added", "export_delivery", "profit_total", "profit_net", "profit_net_recurring",
    "operating_cash_flow", "cost_total", "tax_paid", "rd_expense", "rd_expense_domestic", "hightech_revenue",
    "assets_total", "liabilities_total", "net_assets", "equity_raised", "employees", "rd_staff", "tech_staff",
    "insured_staff", "electricity", "niche_years", "ip_class1", "ip_class1_own", "ip_class1_high_value", "ip_class2",
    "patents_invention", "standards_led", "market_share", "zjtx_score", "innovation_score",
)
"""Measures with a column of their own, in table order. Others (a pack's own) live in `extra`."""


class Filing(Keyed):
    """One filing; `period` is '2025', '2025-09' or '2025-06-30'."""

    __tablename__ = "filing"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    period_kind: Mapped[str] = mapped_column(String(5))
    period: Mapped[str] = mapped_column(String(10))
    form: Mapped[str] = mapped_column(String(6), default="period")
    source: Mapped[str] = mapped_column(String(12))
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    superseded_at: Mapped[Instant | None]
    batch_id: Mapped[int | None] = mapped_column(index=True)
    visit_id: Mapped[int | None]
    extra: Mapped[dict | None] = mapped_column(Json)
    __table_args__ = (
        Index(
            "uq_filing_live", "enterprise_id", "period", "form", "source", unique=True,
            sqlite_where=text("superseded_at IS NULL"), postgresql_where=text("superseded_at IS NULL"),
        ),
        Index("ix_filing_period", "period_kind", "period", "form", "enterprise_id"),  # a period of everybody, and of a range of firms
        {"extend_existing": False},
    )


for _name in COLUMNS:
    setattr(Filing, _name, mapped_column(_name, BigInteger, nullable=True))

Index(  # the night reads everybody's 累计 out of this index alone
    "ix_filing_ytd", *(Filing.__table__.c[name] for name in ("period", "enterprise_id", "source", "form", "superseded_at", "revenue", "revenue_main")),
    sqlite_where=text("form = 'ytd' AND superseded_at IS NULL"), postgresql_where=text("form = 'ytd' AND superseded_at IS NULL"),
)
