"""The door for packs: what a pack's Python may import, and how packs are found.

Most packs are data alone: a folder with pack.yaml. A pack that needs code puts an `__init__.py` beside it:

    from crm.plugins import PackFolder, hookimpl

    @hookimpl
    def register_pack():
        return PackFolder.at(__file__)

A pack imports nothing else of ours, and packs never import each other. Further hooks join here one at a time.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from crm.criteria.errors import PackError, Problem
from crm.criteria.loading import load_packs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crm.criteria.packs import Packs

PROJECT = "qijie"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class PackFolder:
    """Where a pack's files are."""

    path: Path

    @classmethod
    def at(cls, file: str) -> PackFolder:
        """The folder of the pack's own `__init__.py`: pass `__file__`."""
        return cls(Path(file).resolve().parent)


class Hooks:
    """What a pack's Python may answer."""

    @hookspec
    def register_pack(self) -> PackFolder:
        """Say where the pack's files are. Its folder's name is the pack's id."""
        raise NotImplementedError  # a specification; pluggy never calls it


def manager(folder: Path) -> pluggy.PluginManager:
    """A plugin manager with the Python of every pack in the folder that has some. Raises PackError if it cannot be imported."""
    made = pluggy.PluginManager(PROJECT)
    made.add_hookspecs(Hooks)
    for path in sorted(folder.glob("*/__init__.py")):
        if (path.parent / "pack.yaml").is_file():
            made.register(_module(path), name=path.parent.name)
    return made


def available(folder: Path) -> dict[str, Path]:
    """Pack id -> folder: those that are data alone and those that register themselves."""
    found = {path.parent.name: path.parent for path in sorted(folder.glob("*/pack.yaml"))}
    for given in manager(folder).hook.register_pack():
        found[given.path.name] = given.path
    return found


def load(folder: Path, names: Iterable[str], cache: Path | None = None) -> Packs:
    """The chosen packs, their Python registered first. Raises PackError with every problem."""
    available(folder)
    return load_packs(folder, names, cache)


def _module(path: Path) -> object:
    name = f"qijie_packs.{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PackError([Problem(f"{path.parent.name}/__init__.py", None, "", "无法导入这个 Python 文件")])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, NameError, AttributeError) as error:
        raise PackError([Problem(f"{path.parent.name}/__init__.py", None, "", f"导入失败：{error}")]) from error
    return module
