"""What can be wrong with a pack or a facts file, in the words of the person who will repair it."""

from __future__ import annotations

from dataclasses import dataclass

from crm.core.errors import CrmError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: file, line (1-based; None when it has no place), key path, and what to do."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}  {self.key}：{self.message}" if self.key else f"{place}  {self.message}"


class PackError(CrmError):
    """A pack cannot be loaded. `problems` lists everything found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda p: (p.file, p.line or 0, p.key))
        lines = "\n".join(f"  {p}" for p in self.problems)
        super().__init__(f"规则包有 {len(self.problems)} 处问题，改正后再试：\n{lines}")


class FactsError(CrmError):
    """A facts file cannot be read. `problems` is a list of (path in the file, what is wrong)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {path}：{message}" for path, message in problems)
        super().__init__(f"事实文件有 {len(problems)} 处问题：\n{lines}")
