"""Money is integer 元. Formatting and reading, nothing else."""

from __future__ import annotations

from decimal import Decimal

WAN = 10_000
YI = 100_000_000
UNITS = {"元": 1, "千元": 1_000, "万元": WAN, "百万元": 1_000_000, "亿元": YI}


def human(yuan: int | None, *, unit: bool = True) -> str:
    """万元 under 1 亿, 亿元 above, exact where short: 26500000 -> '2,650 万元'. Missing is '无', never 0."""
    if yuan is None:
        return "无"
    base, name = (YI, "亿元") if abs(yuan) >= YI else (WAN, "万元")
    value = (Decimal(yuan) / base).quantize(Decimal("0.01"))
    text = f"{value:,.2f}".rstrip("0").rstrip(".").replace("-", "−")
    return f"{text} {name}" if unit else text


def exact(yuan: int | None) -> str:
    """The whole figure: '26,500,000 元'."""
    return "无" if yuan is None else f"{yuan:,} 元".replace("-", "−")
