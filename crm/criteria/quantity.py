"""Quantities as people write them: '2000万元', '3%', '0.5亿元', '3年', '60分' -> an exact value in the base unit.

Base units: money 元; ratios are fractions (3% = 3/100); levels 级×10 and market shares bp keep the measure's own unit;
scores are 分 (a measure that stores 分×100 is read as 分 by its declared scale). Nothing here is a float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_SCALES: dict[str, tuple[str, Fraction]] = {
    "元": ("元", Fraction(1)),
    "千元": ("元", Fraction(1_000)),
    "万元": ("元", Fraction(10_000)),
    "百万元": ("元", Fraction(1_000_000)),
    "亿元": ("元", Fraction(100_000_000)),
    "%": ("%", Fraction(1, 100)),
    "‰": ("%", Fraction(1, 1000)),
    "bp": ("%", Fraction(1, 10_000)),
    "人": ("人", Fraction(1)),
    "年": ("年", Fraction(1)),
    "日": ("日", Fraction(1)),
    "月": ("月", Fraction(1)),
    "个月": ("月", Fraction(1)),
    "项": ("项", Fraction(1)),
    "件": ("项", Fraction(1)),
    "家": ("家", Fraction(1)),
    "分": ("分", Fraction(1)),
    "级": ("级", Fraction(1)),
    "名": ("名", Fraction(1)),
    "亩": ("m²", Fraction(2000, 3)),
    "m²": ("m²", Fraction(1)),
    "kWh": ("kWh", Fraction(1)),
    "kgce": ("kgce", Fraction(1)),
    "": ("", Fraction(1)),
}
UNITS = tuple(dict.fromkeys(base for base, _ in _SCALES.values() if base))
"""The base units an expression may have; '' is a bare number, which takes the unit of what it is compared with."""

_WORDS = "|".join(re.escape(u) for u in sorted(_SCALES, key=len, reverse=True) if u)
QUANTITY = re.compile(rf"(?P<number>-?\d[\d,_]*(?:\.\d+)?)\s*(?P<unit>{_WORDS})?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact value in a base unit."""

    value: Fraction
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {self.unit}".strip()


def parse(text: str | int) -> Quantity:
    """'1500万元' -> 15000000 元. Raises ValueError with what is accepted."""
    if isinstance(text, int):
        return Quantity(Fraction(text), "")
    found = QUANTITY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} 不是数量；写数字加单位：{' '.join(u for u in _SCALES if u)}")
    base, scale = _SCALES[found["unit"] or ""]
    return Quantity(Fraction(found["number"].replace(",", "").replace("_", "")) * scale, base)
