"""Finds packs in a folder, reads their files, lays each over what it extends, checks the whole, and compiles.

`load_packs(folder, names)` is the way in. Everything wrong in every pack is reported at once. The compiled documents are
kept in a cache keyed by the bytes of all files, so that a start does not read YAML again.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm.core.garbage import uncollected
from crm.criteria import reading
from crm.criteria.book import SECTIONS, Book, field_of, plain
from crm.criteria.checking import Proven, check
from crm.criteria.errors import PackError, Problem
from crm.criteria.packs import Pack, Packs
from crm.criteria.schema import FILES, FOLDERS, Cases, CriterionOverride, Entry, Model, PackHead, Visit
from crm.criteria.trees import replace_node

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTRACT = 1
_COMPILER = "1"  # raise when the same files compile to something else


@dataclass(slots=True)
class Folder:
    """One pack's files, read: entries by section and id, and where each stands."""

    name: str
    head: PackHead | None = None
    entries: dict[str, dict[str, Entry]] = field(default_factory=dict)
    places: dict[tuple[str, str], tuple[reading.Source, reading.Path_]] = field(default_factory=dict)
    replaced: list[tuple[CriterionOverride, reading.Source, reading.Path_]] = field(default_factory=list)
    visit: Visit | None = None
    cases: Cases | None = None
    problems: list[Problem] = field(default_factory=list)


@uncollected()
def load_packs(folder: Path, names: Iterable[str], cache: Path | None = None) -> Packs:
    """The named packs and all they extend, compiled. Raises PackError listing every problem of every pack.

    `cache`: a directory for compiled documents (made if absent); None = no cache.
    """
    wanted = list(names)
    chains = {name: _chain(folder, name) for name in wanted}
    stored = _cached(folder, chains, cache)
    if stored is None:
        folders = {part: _read_folder(folder, part) for part in dict.fromkeys(part for chain in chains.values() for part in chain)}
        if problems := [p for f in folders.values() for p in f.problems]:
            raise PackError(problems)
        books: dict[str, Book] = {}
        problems, proven = [], Proven()
        for name, chain in {part: whole[i:] for whole in chains.values() for i, part in enumerate(whole)}.items():
            book, found = _compile([folders[part] for part in chain])
            books[name] = book
            problems += found or check(book, {k: v for part in reversed(book.chain) for k, v in folders[part].places.items()}, proven)
        if problems:
            raise PackError(problems)
        stored = {name: book.canonical() for name, book in books.items()}
        _store(folder, chains, cache, stored)
        return Packs({name: Pack(book, stored[name].decode(), hashlib.sha256(stored[name]).hexdigest()) for name, book in books.items()}, tuple(wanted))
    return Packs({name: Pack.from_document(document) for name, document in stored.items()}, tuple(wanted))


def _chain(folder: Path, name: str) -> list[str]:
    """The pack and what it extends, itself first."""
    chain: list[str] = []
    current: str | None = name
    while current is not None:
        path = folder / current / "pack.yaml"
        asked = f"{current}/pack.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.parent.name for p in folder.glob("*/pack.yaml"))) or "（无）"
            raise PackError([Problem(asked, None, "", f"没有规则包 {current!r}；现有：{known}")])
        if current in chain:
            raise PackError([Problem(asked, None, "extends", f"循环继承：{' → '.join([*chain, current])}")])
        chain.append(current)
        source = reading.read(path, asked)
        head = reading.validate(source, PackHead)
        if not isinstance(head, PackHead):
            raise PackError(source.problems)
        if head.id != current:
            raise PackError([Problem(asked, source.line(("id",)), "id", f"应与文件夹同名：{current}")])
        current = head.extends
    return chain


def _files(folder: Path, name: str) -> list[tuple[Path, str, type[Model]]]:
    """(path, name for messages, model) of every YAML file; a stray one has the bare Model."""
    root = folder / name
    found = []
    for path in sorted([*root.glob("*.yaml"), *root.glob("*/*.yaml"), *root.glob("*.yml"), *root.glob("*/*.yml")]):
        local = path.relative_to(root)
        model = FILES.get(local.name) if len(local.parts) == 1 else FOLDERS.get(local.parts[0])
        found.append((path, f"{name}/{local.as_posix()}", model or Model))
    return found


def _read_folder(folder: Path, name: str) -> Folder:
    made = Folder(name)
    for path, asked, model in _files(folder, name):
        if path.parent.name == "examples":
            continue
        if model is Model:
            made.problems.append(Problem(asked, None, "", f"不认识的文件；可用：{', '.join([*FILES, *(f'{d}/*.yaml' for d in FOLDERS)])}"))
            continue
        source = reading.read(path, asked)
        content = reading.validate(source, model)
        if content is not None:
            _take(made, content, source)
        made.problems += source.problems
    return made


def _take(made: Folder, content: Model, source: reading.Source) -> None:
    if isinstance(content, PackHead):
        made.head = content
        return
    if isinstance(content, Visit):
        made.visit = content
        return
    if isinstance(content, Cases):
        made.cases = content
        return
    for key in type(content).model_fields:
        section = "register" if key == "register_" else key
        for i, entry in enumerate(getattr(content, key)):
            here = (section, i)
            if isinstance(entry, CriterionOverride):
                made.replaced.append((entry, source, here))
                continue
            seen = made.entries.setdefault(section, {})
            if entry.id in seen:
                other, path = made.places[section, entry.id]
                source.problem((*here, "id"), f"id {entry.id!r} 已在 {other.file}:{other.line(path)} 用过，请换一个")
            seen[entry.id] = entry
            made.places[section, entry.id] = (source, here)


def _compile(chain: list[Folder]) -> tuple[Book, list[Problem]]:
    """Lay the chain's folders over each other, the root first."""
    head = chain[0].head
    merged: dict[str, dict[str, Entry]] = {section: {} for section in SECTIONS}
    visit, cases, problems = None, None, []
    for part in reversed(chain):
        for section, entries in part.entries.items():
            for entry in entries.values():
                if trouble := _lay(merged[section], entry):
                    source, path = part.places[section, entry.id]
                    problems.append(Problem(source.file, source.line(path), f"{section}.{entry.id}", trouble))
        for override, source, path in part.replaced:
            if trouble := replace_node(merged, override):
                problems.append(Problem(source.file, source.line(path), f"criteria.{override.id}", trouble))
        visit, cases = part.visit or visit, part.cases or cases
    assert head is not None  # _chain validated it
    values: dict[str, Any] = {field_of(section): tuple(entries.values()) for section, entries in merged.items()}
    names = tuple(part.name for part in chain)
    return Book(contract=CONTRACT, id=head.id, name=head.name, region=head.region, chain=names, visit=visit, cases=cases, **values), problems


def _lay(section: dict[str, Entry], entry: Entry) -> str | None:
    """Put an entry into a section; says what is wrong, if anything."""
    before = section.get(entry.id)
    if entry.override:
        if before is None:
            return f"override: {entry.id} 没有可替换的上级条目；新增请用 id"
        if entry.drop:
            del section[entry.id]
            return None
        if plain(before) == plain(entry):
            return "override 与上级完全相同，没有作用，请删除"
    elif before is not None:
        return f"id {entry.id!r} 上级规则包已有；要替换请写 override: {entry.id}，并说明 reason 和 source"
    section[entry.id] = entry
    return None


def _fingerprint(folder: Path, chains: dict[str, list[str]]) -> str:
    digest = hashlib.sha256(_COMPILER.encode())
    for part in sorted({p for chain in chains.values() for p in chain}):
        for path, asked, _ in _files(folder, part):
            digest.update(asked.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _cached(folder: Path, chains: dict[str, list[str]], cache: Path | None) -> dict[str, bytes] | None:
    if cache is None:
        return None
    root = cache / _fingerprint(folder, chains)
    parts = {p for chain in chains.values() for p in chain}
    if not all((root / f"{p}.json").is_file() for p in parts):
        return None
    return {p: (root / f"{p}.json").read_bytes() for p in parts}


def _store(folder: Path, chains: dict[str, list[str]], cache: Path | None, documents: dict[str, bytes]) -> None:
    if cache is None:
        return
    root = cache / _fingerprint(folder, chains)
    root.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        with tempfile.NamedTemporaryFile(dir=root, delete=False) as out:  # a reader never sees half a file
            out.write(document)
        Path(out.name).replace(root / f"{name}.json")
