"""统一社会信用代码 (GB 32100-2015): read, repair what is safe to repair, refuse the rest in words that help.

Safe: spaces, hyphens, full width, lower case. Never: I for 1, O for 0; a wrong guess makes a valid code of another firm.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from stdnum.cn import uscc as standard
from stdnum.exceptions import ValidationError

from crm.core.errors import Invalid

FOREIGN = frozenset("IOZSV")
"""Letters the alphabet of the code leaves out, because they are taken for 1, 0, 2, 5, U."""
_DROP = re.compile(r"[\s\-‐‑‒–—﹣－_'’`\"“”.]+")


class InvalidUscc(Invalid):
    """The text is not a unified social credit code; `reason` is a short code for reports."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, field="uscc")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Uscc:
    """A valid code. `repaired` tells that the text was written differently (case, width, spaces)."""

    code: str
    repaired: bool


def read_uscc(text: str) -> Uscc:
    """Normalise and check. Raises InvalidUscc with a Chinese message and a reason code."""
    code = normalise(text)
    if standard.is_valid(code):
        return Uscc(code, repaired=code != text)
    raise InvalidUscc(*why_invalid(code))


def normalise(text: str) -> str:
    """Half width, upper case, without spaces and hyphens."""
    return _DROP.sub("", unicodedata.normalize("NFKC", text or "")).upper()


def why_invalid(code: str) -> tuple[str, str]:
    """Reason code and Chinese message for a normalised code that does not pass."""
    size = len(code)
    if not code:
        return "uscc_missing", "缺少统一社会信用代码，请补填 18 位代码。"
    if size == 15 and code.isdigit():
        return "uscc_old_registration", "这是 15 位旧工商注册号，不是统一社会信用代码，请查到换照后的 18 位代码再填。"
    if size == 9:
        return "uscc_organisation_code", "这是 9 位组织机构代码，不是统一社会信用代码，请填 18 位代码。"
    if size != 18:
        return "uscc_length", f"统一社会信用代码应为 18 位，这里是 {size} 位，请核对是否漏字或多字。"
    if wrong := [(i, c) for i, c in enumerate(code, 1) if c in FOREIGN]:
        place, letter = wrong[0]
        hint = {"I": "数字 1", "O": "数字 0", "Z": "数字 2", "S": "数字 5", "V": "字母 U"}[letter]
        return "uscc_letter", f"第 {place} 位是字母 {letter}，代码中不用这个字母，可能是{hint}；系统不代改，请对照营业执照核实。"
    try:
        standard.validate(code)
    except ValidationError as error:
        if error.__class__.__name__ == "InvalidChecksum":
            return "uscc_check", "校验位不对，代码中至少有一位写错，请对照营业执照核实。"
    return "uscc_format", "不符合统一社会信用代码的编码规则，请对照营业执照核实。"
