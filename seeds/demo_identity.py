
"""Who the demo's firms are: invented names, well-formed codes in a range no registry issues, made-up contacts.

Bodies of the codes begin with MX, which no registrar gives out; telephone numbers begin with 19900; brand words are
pairs of literary characters. Nothing here stands for an existing firm or person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.enterprises.names import initials, name_key

if TYPE_CHECKING:
    from random import Random

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
VALUE = {c: i for i, c in enumerate(ALPHABET)}
WEIGHTS = [3**i % 31 for i in range(17)]
BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
FIRST = "澜霁砚漱岫沁珩翊昱栩沅泠旻赟峤漪璟珂琮璞砺砾澍淞湛泓涵溯汀洵渌柘榕橡檀枫梧荻芷芃苒茗蓁菀葳昀晗暄曦煜烨炜铄锴镕鎏霈雯霏霭靖韫颢飒骞骥鹤"
SECOND = "屿桓舟禾琢栎湄翎楫帆垣栈衡岱恺隅杼墨笙筠箴缦绮纾绎胤序庚弈彧徽恪懿拓撷擎旌晏朔析槿歆毓沐渝源溪潼犀甫盈睿硕穹远行知微言吾朴野白"
THIRD = "川林山泽岭原渡湾"
SURNAMES = "王陈林李张叶郑金徐吴周朱项蔡卢章潘戴梁孔"
GIVEN = "建国伟明志强海燕晓峰丽萍佳怡文斌永康雅静振华思远子涵卫东春梅宏亮"


def uscc(authority: str, serial: int) -> str:
    """The code of demo firm `serial` (0–999,999) registered by the authority with that six-digit division code."""
    body = f"MX{serial:06d}"
    check = 11 - sum((int(c, 36)) * w for c, w in zip(body, BODY_WEIGHTS, strict=True)) % 11
    code = "91" + authority + body + {10: "X", 11: "0"}.get(check, str(check))
    return code + ALPHABET[(31 - sum(VALUE[c] * w for c, w in zip(code, WEIGHTS, strict=True)) % 31) % 31]


class Names:
    """Gives every firm another name: place + brand + trade + form."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def draw(self, place: str, trade: str, form: str) -> tuple[str, str, str, str]:
        """(full name, short name, name key, pinyin initials)."""
        choice = self._rng.choice
        brand = choice(FIRST) + choice(SECOND)
        while (name := f"{place}{brand}{trade}{form}") in self._taken:
            brand = choice(FIRST) + choice(SECOND) + choice(THIRD)
        self._taken.add(name)
        return name, brand + trade, name_key(name), initials(name)

    def person(self) -> str:
        """A person's name."""
        choice = self._rng.choice
        return choice(SURNAMES) + choice(GIVEN) + (choice(GIVEN) if self._rng.random() < 0.7 else "")


def place_word(county: str) -> str:
    """'温岭市' -> '温岭', as names carry it."""
    return county[:-1] if len(county) > 2 else county
