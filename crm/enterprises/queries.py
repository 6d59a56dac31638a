"""Reads about firms. Everything a user may see starts from `visible(access)`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, or_, select, true

from crm.core.errors import NotFound
from crm.enterprises.models import Contact, Enterprise, EnterpriseSearch
from crm.enterprises.names import fold, name_key
from crm.enterprises.uscc import normalise

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access

NEAR = 0.78
"""Similarity of two name keys from which a person should look at both (difflib ratio, 0–1)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the search box."""

    id: int
    name: str
    uscc: str
    region_code: str


@dataclass(frozen=True, slots=True)
class Similar:
    """A firm that may be the same one. `why` is Chinese, `score` 0–100."""

    id: int
    name: str
    uscc: str
    why: str
    score: int


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Firms that may be the same: those the user may see, and how many lie outside the jurisdiction."""

    inside: tuple[Similar, ...]
    outside: int


def visible(access: Access) -> ColumnElement[bool]:
    """Condition on Enterprise: live, and in the user's jurisdiction."""
    return and_(Enterprise.deleted_at.is_(None), access.within(Enterprise.region_code, Enterprise.zone_code))


def get_visible(session: Session, access: Access, enterprise_id: int) -> Enterprise:
    """The firm, or NotFound: the same answer whether it does not exist or lies elsewhere."""
    firm = session.scalar(select(Enterprise).where(Enterprise.id == enterprise_id, visible(access)))
    if firm is None:
        raise NotFound("没有找到这家企业，或者它不在您的辖区内。")
    return firm


def matching(text: str | None) -> ColumnElement[bool]:
    """Condition on Enterprise: every word of `text` occurs in a name, former name, initials, USCC or phone.

    Words are parted by blanks; any two Chinese characters in a row, pinyin initials, part of a USCC or phone will do.
    """
    words = [fold(word) for word in (text or "").split()]
    if not words:
        return true()
    found = select(EnterpriseSearch.enterprise_id)
    for word in words:
        found = found.where(EnterpriseSearch.text.like(f"%{_literal(word)}%", escape="\\"))
    return Enterprise.id.in_(found)


def search(session: Session, access: Access, text: str, limit: int = 10) -> list[Hit]:
    """As you type: names that begin with the text first, then the shorter name."""
    word = fold(text)
    if len(word) < 2:
        return []
    begins = case((Enterprise.name.like(f"{_literal(word)}%", escape="\\"), 0), else_=1)
    rows = session.execute(
        select(Enterprise.id, Enterprise.name, Enterprise.uscc, Enterprise.region_code)
        .where(visible(access), matching(text))
        .order_by(begins, Enterprise.name_key, Enterprise.id)
        .limit(limit)
    )
    return [Hit(*row) for row in rows]


def similar(
    session: Session, access: Access, *, name: str | None = None, uscc: str | None = None, phone: str | None = None, exclude: int | None = None, limit: int = 8
) -> Resemblance:
    """Firms that may be the one being entered: same code or code body, same name key, same phone, a near name."""
    key = name_key(name) if name else ""
    code = normalise(uscc or "")
    tests = [Enterprise.uscc == code] if code else []
    if len(code) == 18:
        tests.append(Enterprise.id.in_(select(EnterpriseSearch.enterprise_id).where(EnterpriseSearch.text.like(f"%{code[8:17].lower()}%"))))
    if key:
        tests += [Enterprise.name_key == key, *_near_candidates(key)]
    number = fold(phone or "")
    phones = set(session.scalars(select(Contact.enterprise_id).where(Contact.phone == number, Contact.ended_on.is_(None)))) if number else set()
    if phones:
        tests.append(Enterprise.id.in_(phones))
    if not tests:
        return Resemblance((), 0)
    query = select(Enterprise).where(Enterprise.deleted_at.is_(None), or_(*tests), Enterprise.id != (exclude or 0)).limit(200)
    rated = [(s, access.covers(f.region_code, f.zone_code)) for f in session.scalars(query) if (s := _rate(f, key, code, phone=f.id in phones))]
    rated.sort(key=lambda pair: (-pair[0].score, pair[0].id))
    return Resemblance(tuple(s for s, mine in rated if mine)[:limit], sum(not mine for _, mine in rated))


def _near_candidates(key: str) -> list[ColumnElement[bool]]:
    """Names holding the first or the last half of the key."""
    half = max(2, (len(key) + 1) // 2)
    pieces = {key[:half], key[-half:]} if len(key) > 2 else {key}
    return [Enterprise.id.in_(select(EnterpriseSearch.enterprise_id).where(EnterpriseSearch.text.like(f"%{_literal(p)}%", escape="\\"))) for p in pieces]


def _rate(firm: Enterprise, key: str, code: str, *, phone: bool) -> Similar | None:
    near = SequenceMatcher(None, key, firm.name_key, autojunk=False).ratio() if key else 0.0
    if code and firm.uscc == code:
        why, score = "统一社会信用代码相同", 100
    elif len(code) == 18 and firm.uscc[8:17] == code[8:17]:
        why, score = "主体标识码（第 9–17 位）相同，可能是同一企业换过登记机关", 95
    elif key and firm.name_key == key:
        why, score = "名称去掉地名和组织形式后相同", 90
    elif near >= NEAR:
        why, score = f"名称相近（{near:.0%}）", round(80 * near)
    elif phone:
        why, score = "联系电话相同", 70
    else:
        return None
    return Similar(firm.id, firm.name, firm.uscc, why, score)


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
