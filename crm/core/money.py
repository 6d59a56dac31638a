"""Money is integer 元. Formatting and reading, nothing else."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

WAN = 10_000
YI = 100_000_000
FIGURES = 4
"""Of an estimate: more would be guessed."""
UNITS = {"元": 1, "千元": 1_000, "万元": WAN, "百万元": 1_000_000, "亿元": YI}


def human(yuan: int | None, *, unit: bool = True) -> str:
    """万元 under 1 亿, 亿元 above, exact where short: 26500000 -> '2,650 万元'. Missing is '无', never 0."""
    if yuan is None:
        return "无"
    base, name = (YI, "亿元") if abs(yuan) >= YI else (WAN, "万元")
    value = (Decimal(yuan) / base).quantize(Decimal("0.01"))
    text = f"{value:,.2f}".rstrip("0").rstrip(".").replace("-", "−")
    return f"{text} {name}" if unit else text


def rough(yuan: int | None) -> str:
    """An estimate: no finer than it is known, four figures at most: 13447100 -> '1,345 万元', 185203000 -> '1.852 亿元'."""
    if yuan is None:
        return "无"
    step = 10 ** max(0, len(str(abs(yuan))) - FIGURES)
    value = int((Decimal(yuan) / step).quantize(Decimal(1), ROUND_HALF_UP)) * step
    base, name = (YI, "亿元") if abs(value) >= YI else (WAN, "万元")
    return f"{(Decimal(value) / base).normalize():,f} {name}".replace("-", "−")


def exact(yuan: int | None) -> str:
    """The whole figure: '26,500,000 元'."""
    return "无" if yuan is None else f"{yuan:,} 元".replace("-", "−")
