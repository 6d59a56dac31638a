"""The faces of the printed record: made once, cached in data_dir/fonts, checked at start.

Roles: `title` 标题宋, `hei` 黑体, `song` 宋体, `kai` 楷体. Each is a lean face of the Noto fonts that install with pip
(OFL), or a file a deployer puts into data_dir/fonts/custom/<role>.ttf|otf|ttc: a licensed 小标宋 or 仿宋, say.
A 楷体 is used when LXGW WenKai (OFL) is installed; otherwise prose is set in 宋体. Characters beyond GB 2312 come
from the whole Noto faces. Documents see these files and nothing of the system's: the same bytes on every machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

from crm.config import ROOT
from crm.core.errors import CrmError

RECIPE = "8"  # raise when the way faces are made changes
ROLES = ("title", "hei", "song", "kai")
KAI_PLACES = (
    "/usr/share/fonts/truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf",
    "~/Library/Fonts/LXGWWenKai-Regular.ttf",
    "/Library/Fonts/LXGWWenKai-Regular.ttf",
    "~/.local/share/fonts/LXGWWenKai-Regular.ttf",
)
FORMATS = (".ttf", ".otf", ".ttc")

Recipe = tuple[Path, tuple[float, float]]


class FontsMissing(CrmError):
    """The record cannot be printed: no Chinese face is installed."""

    status = 503


class CharactersMissing(CrmError):
    """The faces lack characters of this record. `details["characters"]` names them."""

    status = 422

    def __init__(self, characters: str, where: Path | None = None) -> None:
        named = "、".join(f"“{c}”（U+{ord(c):04X}）" for c in characters[:8])
        folder = f"（{where}）" if where else ""
        super().__init__(
            f"字库里没有这些字：{named}。请改写，或请管理员把含有这些字的字体放进数据目录的 fonts/custom{folder}。",
            characters=characters,
        )


@dataclass(frozen=True, slots=True)
class FontSet:
    """Where the faces are. `config` is a fontconfig file that shows exactly these; `has_kai` whether there is a 楷体."""

    folder: Path
    config: Path
    has_kai: bool
    files: tuple[Path, ...]


def ensure(data_dir: Path) -> FontSet:
    """Make the faces unless they are there (some 8 s of CPU, once), and say where they are.

    Safe when two processes start at once: each builds aside, the first to finish is kept.
    Raises FontsMissing when the font package is not installed.
    """
    song, hei = _noto()
    custom = data_dir / "fonts" / "custom"
    recipes = _recipes(custom, song, hei)
    folder = data_dir / "fonts" / _key(recipes)
    if not (folder / "fonts.conf").exists():
        _make(folder, recipes)
    extra = [p for p in sorted(custom.glob("*")) if p.suffix.lower() in FORMATS and p.stem not in ROLES]
    files = (*sorted(folder.glob("*.ttf")), *extra, song, hei)
    return FontSet(folder, _write_config(folder, [custom, song.parent]), "kai" in recipes, files)


def existing(data_dir: Path) -> FontSet | None:
    """The faces if they were made already; never makes them."""
    song, hei = _noto()
    recipes = _recipes(data_dir / "fonts" / "custom", song, hei)
    return ensure(data_dir) if (data_dir / "fonts" / _key(recipes) / "fonts.conf").exists() else None


def missing_characters(fonts: FontSet, text: str) -> str:
    """Characters of `text` that none of the faces has, each once, in order; white space never counts."""
    covered = _coverage(fonts.files)
    return "".join(dict.fromkeys(c for c in text if not c.isspace() and ord(c) not in covered))


@lru_cache(maxsize=4)
def _coverage(files: tuple[Path, ...]) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    covered: set[int] = set()
    for path in files:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            covered.update(font.getBestCmap())
    return frozenset(covered)


def _noto() -> tuple[Path, Path]:
    try:
        import pylopdf_fonts_zh_cn as package
    except ImportError:
        raise FontsMissing("没有中文字体，无法生成走访记录。请运行 make run 重装依赖（缺 pylopdf-fonts-zh-cn）。") from None
    song, hei = Path(package.serif_path()), Path(package.sans_path())
    for path in (song, hei):
        if not path.is_file():
            raise FontsMissing(f"字体文件不见了：{path}。请删除 .venv 后重新运行 make run。")
    return song, hei


def _recipes(custom: Path, song: Path, hei: Path) -> dict[str, Recipe]:
    """Which file each role is made from, and how much heavier; 楷体 may be absent."""
    recipes: dict[str, Recipe] = {"title": (song, (72, 10)), "hei": (hei, (24, 18)), "song": (song, (0, 0))}
    places = (Path(place).expanduser() for place in KAI_PLACES)
    if kai := next((p for p in places if p.is_file()), None):
        recipes["kai"] = (kai, (0, 0))
    for role in ROLES:
        if own := next((p for ext in FORMATS if (p := custom / f"{role}{ext}").is_file()), None):
            recipes[role] = (own, (0, 0))
    return recipes


def _key(recipes: dict[str, Recipe]) -> str:
    facts = [f"{role}:{path.name}:{path.stat().st_size}:{heavier}" for role, (path, heavier) in sorted(recipes.items())]
    return hashlib.sha256("|".join([RECIPE, *facts]).encode()).hexdigest()[:16]


def _make(folder: Path, recipes: dict[str, Recipe]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        aside.chmod(0o755)
        with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            for _ in pool.map(lambda item: _lean(aside, *item), recipes.items()):
                pass
        _write_config(aside, [])
        try:
            aside.rename(folder)
        except OSError:  # another process was first
            if not (folder / "fonts.conf").exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _lean(folder: Path, role: str, recipe: Recipe) -> None:
    """One face in a process of its own, so that two cores work and the caller's memory stays small."""
    source, (x, y) = recipe
    command = [sys.executable, "-m", "crm.reports.outlines", source, folder / f"{role}.ttf", f"Qijie {role}", x, y]
    command.append("han" if role == "kai" else "latin")
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FontsMissing(f"字体 {source} 读不了，无法生成走访记录：{done.stderr.strip()[-200:]}")


def _write_config(folder: Path, others: list[Path]) -> Path:
    """A fontconfig file that knows only our folders. Rewritten when a folder moved (a data directory was copied)."""
    folders = "".join(f"<dir>{escape(str(p))}</dir>" for p in (folder, *others) if p.exists())
    text = (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
        f"<fontconfig>{folders}<cachedir>{escape(str(folder / 'cache'))}</cachedir></fontconfig>\n"
    )
    path = folder / "fonts.conf"
    if not path.exists() or path.read_text() != text:
        draft = folder / f"fonts.conf.{os.getpid()}"
        draft.write_text(text)
        draft.replace(path)
    return path
