"""Read the division an address lies in: town, else county, else city. The text decides; a hint only narrows.

Never read from the USCC: its division is where the firm registered, often a city, a province or a retired code.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from crm.regions.models import Region, Zone
from crm.regions.scope import prefix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

_TOWN = re.compile(r"(街道办事处|街道|[一-龥]族乡|镇|乡)$")
_COUNTY = re.compile(r"(自治县|自治旗|市|区|县|旗)$")
NOISE = re.compile(r"[\s,，。.;；:：()（）\-—]+")
_REACH = 12  # characters past the head where a division's name is still part of the address, not of a road's


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address lies. `level` is town, county, city, province or '' when nothing was recognised."""

    code: str | None
    level: str
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class _Names:
    """Names below one division -> code; None where two divisions share the name. `sizes`: first character -> lengths."""

    full: dict[str, str | None]
    short: dict[str, str | None]
    sizes: dict[str, list[int]]


class Gazetteer:
    """All divisions in memory, by name. Build once per request or import; locating costs some microseconds."""

    def __init__(self, regions: Iterable[tuple[str, str, str, str | None, bool]], zones: Iterable[tuple[str, str]] = ()) -> None:
        """`regions` are (code, name, level, successor or None, is_virtual); `zones` are (code, name)."""
        self._levels: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._hints: dict[str | None, str] = {}
        self._below: dict[tuple[str, str], _Names] = defaultdict(lambda: _Names({}, {}, {}))
        for code, name, level, successor, virtual in regions:
            self._levels[code], self._names[code] = level, name
            if virtual and level != "town":
                continue
            scopes = {"province": ("",), "city": ("", code[:2]), "county": ("", code[:2], code[:4]), "town": (code[:4], code[:6])}[level]
            for scope in scopes:
                self._add(self._below[scope, level], name, level, successor or code)
        for (_, level), names in self._below.items():
            if level == "town":
                _former_endings(names)
        self._zones = sorted(((bare_address(name), code) for code, name in zones), key=lambda pair: -len(pair[0]))

    @staticmethod
    def _add(names: _Names, name: str, level: str, code: str) -> None:
        ending = _TOWN if level == "town" else _COUNTY
        short = ending.sub("", name) if level != "province" else name.rstrip("省市")
        for table, key in ((names.full, name), (names.short, short)):
            if len(key) >= 2:
                table[key] = code if table.get(key, code) == code else None
                sizes = names.sizes.setdefault(key[0], [])
                if len(key) not in sizes:
                    sizes.append(len(key))
                    sizes.sort(reverse=True)

    def name(self, code: str) -> str:
        """The division's own name, or its code when it is not in the table."""
        return self._names.get(code, code)

    def by_name(self, text: str, within: str | None = None) -> str | None:
        """Code of a division written by itself ('台州', '温岭市', '台州市黄岩区', '331081'); None when unknown or ambiguous."""
        bare = bare_address(text)
        if bare.isdigit():
            code = bare[:9] if len(bare) == 12 else bare
            code = code[:6] if len(code) == 9 and code.endswith("000") else code
            return code if code in self._levels else None
        place = self.locate(bare, within)
        return None if place.ambiguous else place.code

    @property
    def zones(self) -> list[tuple[str, str]]:
        """(name, code) of the functional zones, longer names first."""
        return self._zones

    def zone(self, text: str | None) -> str | None:
        """Code of the functional zone whose name stands in `text`."""
        bare = bare_address(text or "")
        return next((code for name, code in self._zones if name in bare), None)

    def locate(self, address: str | None, within: str | None = None) -> Place:
        """The deepest division `address` names. `within`: a division the firm is known to lie in, for what the text leaves out."""
        return self.locate_bare(bare_address(address or ""), within)

    def locate_bare(self, text: str, within: str | None = None) -> Place:
        """`locate` for a text that has been through `bare_address` (whole columns are made so in one pass)."""
        hint = self._hint(within)
        code, level, at = self._head(text, hint)
        scope = prefix(code) if code else ""
        if level in {"", "province", "city"}:
            county, after = self._county(text, at, scope, hint)
            if county:
                code, level, at, scope = county, "county", after, county
        narrow = hint if len(scope) < 4 and hint.startswith(scope) else scope
        town, ambiguous = self._town(text, at, narrow, in_county=level == "county")
        if town:
            return Place(town, "town")
        return Place(code or None, level, ambiguous)

    def _hint(self, within: str | None) -> str:
        if within not in self._hints:
            self._hints[within] = prefix(within)[:6] if within and within in self._levels else ""
        return self._hints[within]

    def _head(self, text: str, hint: str) -> tuple[str, str, int]:
        """Province and city at the start of the text: (code, level, where the rest begins)."""
        code, level, at = "", "", 0
        province, length = _longest(text, 0, self._below["", "province"])
        while province:
            code, level, at = province, "province", at + length
            province, length = _longest(text, at, self._below["", "province"])  # 浙江省浙江龙游…
        city, length = _longest(text, at, self._below[code[:2], "city"])
        # a bare "安阳" where the hint says 温州 is the street, not the city in 河南
        if city and hint and not code and not city.startswith(hint[:2]):
            city, length = _longest(text, at, self._below["", "city"], short=False)
        return (city, "city", at + length) if city else (code, level, at)

    def _county(self, text: str, at: int, said: str, hint: str) -> tuple[str | None, int]:
        """A county of the city the text says, else of the hinted one, else one whose full name stands first."""
        scope = said if len(said) >= 4 or not hint.startswith(said) else hint
        names = self._below[scope[:4] if len(scope) >= 4 else scope[:2], "county"]
        county, length = _longest(text, at, names)
        if county:
            return county, at + length
        if len(said) < 4:
            county, length = _longest(text, at, self._below[said, "county"], short=False)
            if county:
                return county, at + length
        for start in range(at + 1, min(len(text), at + _REACH)):
            county, length = _longest(text, start, names, short=False)
            if county:
                return county, start + length
        return None, at

    def _town(self, text: str, at: int, scope: str, *, in_county: bool) -> tuple[str | None, bool]:
        if len(scope) < 4:
            return None, False
        names = self._below[scope[:6] if len(scope) >= 6 else scope[:4], "town"]
        ambiguous = False
        for start in range(at, min(len(text), at + _REACH)):
            code, length = _longest(text, start, names, short=in_county and start == at)
            if code:
                return code, False
            ambiguous = ambiguous or length > 0
        return None, ambiguous


def _former_endings(names: _Names) -> None:
    """A 镇 that became a 街道 keeps standing in addresses under its old ending."""
    for short, code in list(names.short.items()):
        for ending in ("街道", "镇", "乡"):
            if short + ending not in names.full:
                names.full[short + ending] = code
                sizes = names.sizes[short[0]]
                if len(short + ending) not in sizes:
                    sizes.append(len(short + ending))
                    sizes.sort(reverse=True)


def load_gazetteer(session: Session) -> Gazetteer:
    """Read all divisions and zones (some 4,000 rows)."""
    regions = session.execute(select(Region.code, Region.name, Region.level, Region.successor_code, Region.is_virtual))
    zones = session.execute(select(Zone.code, Zone.name))
    return Gazetteer((tuple(row) for row in regions), (tuple(row) for row in zones))


def _longest(text: str, at: int, names: _Names, *, short: bool = True) -> tuple[str | None, int]:
    """Longest name starting at `at`: (code, length); (None, length) when the name is shared, (None, 0) when there is none."""
    for size in names.sizes.get(text[at : at + 1], ()):
        piece = text[at : at + size]
        for table in (names.full, names.short) if short else (names.full,):
            if len(piece) == size and piece in table:
                return table[piece], size
    return None, 0


def bare_address(text: str) -> str:
    """Half width, without blanks and marks."""
    return NOISE.sub("", unicodedata.normalize("NFKC", text))



