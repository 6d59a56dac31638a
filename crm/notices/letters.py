"""What a message says: one notice or a digest, as plain text, HTML mail and the short markdown that robots show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from crm.core.clock import local

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One notice inside a message."""

    title: str
    text: str
    link: str  # whole address
    urgent: bool
    at: datetime

    @property
    def moment(self) -> str:
        """'7月1日 12:00', Asia/Shanghai."""
        here = local(self.at)
        return f"{here.month}月{here.day}日 {here:%H:%M}"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it leaves. `key` is the idempotency key."""

    key: str
    kind: str
    items: tuple[Item, ...]
    is_digest: bool
    site: str  # address of the pages

    @property
    def subject(self) -> str:
        """The heading: the notice's own, or how many there are."""
        if not self.is_digest:
            return ("【紧急】" if self.items[0].urgent else "") + self.items[0].title
        urgent = sum(item.urgent for item in self.items)
        return f"企阶摘要：{len(self.items)} 条消息" + (f"，{urgent} 条紧急" if urgent else "")

    @property
    def heading(self) -> str:
        """The subject where it might be read as markup."""
        return _quiet(self.subject)

    def plain(self) -> str:
        """Text for the plain part of a mail and for robots that show no markup."""
        return _templates().get_template("mail.txt").render(letter=self)

    def html(self) -> str:
        """The other part of a mail."""
        return _templates().get_template("mail.html").render(letter=self)

    def markdown(self, largest: int) -> str:
        """The markup DingTalk and WeCom share, at most `largest` bytes; what does not fit is counted."""
        lines = [f"**{self.heading}**"]
        for number, item in enumerate(self.items):
            line = (f"> [{_quiet(item.title)}]({item.link})" if self.is_digest else f"> {_quiet(item.text)}\n\n[打开看看]({item.link})") + (f"\n> {_quiet(item.text)}" if self.is_digest and item.text else "")
            if len("\n\n".join([*lines, line]).encode()) > largest - 80:
                lines.append(f"还有 {len(self.items) - number} 条，[打开消息看全部]({self.site}/notices/)")
                break
            lines.append(line)
        return "\n\n".join(lines)

    def data(self) -> dict[str, Any]:
        """For programs: the body of a webhook."""
        return {
            "key": self.key, "kind": self.kind, "digest": self.is_digest, "subject": self.subject,
            "items": [{"title": i.title, "text": i.text, "link": i.link, "urgent": i.urgent, "at": i.at.isoformat()} for i in self.items],
        }


def _quiet(text: str) -> str:
    """Text that cannot become markup: names come from spreadsheets."""
    return "".join({"[": "［", "]": "］", "(": "（", ")": "）", "*": "＊", "_": "＿", "`": "'", "<": "＜", ">": "＞", "\n": " ", "\r": " ", "@": "＠"}.get(char, char) for char in text)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(["html"]), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
