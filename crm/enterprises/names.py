"""Names as keys: what is left of a firm's name without place, legal form and punctuation; pinyin initials for search."""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache, lru_cache

from pypinyin.pinyin_dict import pinyin_dict

from crm.config import ROOT

_FORM = re.compile(
    r"(有限责任公司|股份有限公司|股份合作公司|有限公司|股份公司|集团公司|集团|股份|公司|\(普通合伙\)|\(有限合伙\)|\(特殊普通合伙\)|\(个人独资\)|"
    r"普通合伙企业|有限合伙企业)+$"
)
_KEEP = re.compile(r"[^0-9a-z一-鿿]+")
_BRACKET = re.compile(r"\(([^()]*)\)")
_HOME = "33"  # short place names (黄岩, 临海) are taken off only inside the home province: 东方, 长城 are brands too
_READINGS = {"乐清": "yq", "重庆": "cq", "厦门": "xm", "长沙": "cs", "长兴": "cx", "长江": "cj", "银行": "yh"}
"""Words whose characters' commonest readings begin otherwise -> their initials."""


def name_key(name: str) -> str:
    """'浙江省台州市黄岩精诚模具(集团)有限公司' -> '精诚模具'. Never empty for a name that is not."""
    text = fold(name)
    places = _places()
    if "(" in text:
        text = _BRACKET.sub(lambda m: "" if m[1] in places or m[1] == "集团" else m[1], text)
    whole = text
    text = _FORM.sub("", text) or text
    for _ in range(3):
        size = next((n for n in range(9, 1, -1) if text[:n] in places and len(text) - n >= 2), 0)
        if not size:
            break
        text = text[size:]
    return _KEEP.sub("", text) or _KEEP.sub("", whole) or whole


@lru_cache(maxsize=256)
def fold(text: str) -> str:
    """Half width, lower case, without blanks: the form names are compared and searched in."""
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return "".join(text.lower().split())


def initials(name: str) -> str:
    """Pinyin initials, lower case; digits and Latin letters stay: '台州银轮3号' -> 'tzyl3h'."""
    text = fold(name)
    for word, letters in _READINGS.items():
        if word in text:
            text = text.replace(word, letters)
    return text.translate(_letters())


class _Letters(dict[int, str]):
    """Character -> first letter of its commonest reading; what has none and is no letter or digit goes."""

    def __missing__(self, key: int) -> str:
        reading = pinyin_dict.get(key)
        letter = unicodedata.normalize("NFD", reading)[0] if reading else chr(key) if chr(key).isalnum() else ""
        self[key] = letter
        return letter


@cache
def _letters() -> _Letters:
    return _Letters()


@cache
def _places() -> frozenset[str]:
    names: set[str] = {"中国"}
    for table in ("gb2260_province", "gb2260_city", "gb2260_area", "divisions_supplement"):
        with (ROOT / "seeds" / f"{table}.csv").open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                name = row["name"]
                names.add(name)
                if table == "gb2260_province":
                    names.add(re.sub(r"(省|市|自治区|壮族自治区|回族自治区|维吾尔自治区|特别行政区)$", "", name))
                elif row["code"].startswith(_HOME) and len(name) > 2:
                    names.add(name[:-1])
    return frozenset(names)
