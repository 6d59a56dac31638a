"""Reads one YAML file of a pack: YAML 1.2, duplicate keys refused, every value's line remembered.

Why not a plain load: YAML 1.1 turns `on` into true and `010000` into 4096, and most loaders let the second of two equal
keys win silently. The structure is read by libyaml, where it is there; what a bare word means is always ruamel's YAML 1.2,
and a file libyaml stumbles over is read by ruamel as a whole, for its account of the mistake.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import yaml as pyyaml
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

from crm.criteria.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from crm.criteria.schema import Model

Path_ = tuple[str | int, ...]
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_BARE, _TEXT, _MAP, _SEQ = "bare", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
if hasattr(pyyaml, "CBaseLoader"):

    class _Quick(pyyaml.CBaseLoader):  # type: ignore[misc]  # PyYAML has no types
        """Composes nodes and leaves bare words to us."""

        def resolve(self, kind: Any, _value: Any, implicit: Any) -> str:
            """The tag of a node that names none."""
            if kind is pyyaml.ScalarNode:
                return _BARE if implicit[0] else _TEXT
            return _MAP if kind is pyyaml.MappingNode else _SEQ

        def descend_resolver(self, *_place: Any) -> None:
            """Nothing depends on where a node stands."""

        def ascend_resolver(self) -> None:
            """Nothing depends on where a node stands."""

else:
    _Quick = None  # type: ignore[assignment,misc]


@dataclass(slots=True)
class Source:
    """A read file: plain data (lists as tuples), the line of every path, and what was wrong with it."""

    file: str
    data: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path_) -> int | None:
        """Line of the path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def problem(self, path: Path_, message: str) -> None:
        """Note something wrong at a path."""
        self.problems.append(Problem(self.file, self.line(path), ".".join(map(str, path)), message))


def read(path: Path, name: str) -> Source:
    """Parse one file; syntax errors and duplicate keys land in `.problems`."""
    source = Source(name)
    yaml = YAML(typ="safe", pure=True)
    try:
        text = path.read_text(encoding="utf-8")
        root = _quickly(text) or yaml.compose(text)
    except UnicodeDecodeError as error:
        source.problem((), f"不是 UTF-8 编码（第 {error.start} 字节），请另存为 UTF-8")
        return source
    except MarkedYAMLError as error:
        mark = error.problem_mark
        source.problems.append(Problem(name, mark.line + 1 if mark else None, "", f"YAML 写法有误：{error.problem or error.context}"))
        return source
    except YAMLError as error:
        source.problem((), f"YAML 写法有误：{error}")
        return source
    if root is None:
        source.problem((), "文件是空的，请填写内容或删除文件")
        return source
    source.data = _build(root, (), source, yaml)
    return source


def _quickly(text: str) -> Any:
    """The nodes as libyaml sees them; None without libyaml, for a broken or empty file, directives and explicit tags."""
    if not isinstance(_Quick, type) or text.startswith("%"):  # a directive is ruamel's business
        return None
    try:
        root = _Quick(text).get_single_node()
    except pyyaml.YAMLError:
        return None
    return root if root is not None and _is_untagged(root) else None


def _is_untagged(root: Any) -> bool:
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node.tag in (_BARE, _TEXT):
            continue
        if node.tag not in (_MAP, _SEQ):
            return False
        if id(node) not in seen:  # an anchor that stands in itself
            seen.add(id(node))
            waiting += node.value if node.id == "sequence" else chain.from_iterable(node.value)
    return True


@lru_cache(maxsize=20_000)
def _bare(text: str) -> Any:
    """What a bare word means in YAML 1.2."""
    if text[:1].isalpha() and text.lower() not in _WORDS:
        return text
    yaml = _yaml_12()
    return yaml.constructor.construct_object(ScalarNode(yaml.resolver.resolve(ScalarNode, text, (True, False)), text))


@cache
def _yaml_12() -> YAML:
    return YAML(typ="safe", pure=True)


def _build(node: Any, path: Path_, source: Source, yaml: YAML) -> Any:
    source.lines[path] = node.start_mark.line + 1
    match node.id:
        case "mapping":
            made: dict[str, Any] = {}
            laid: dict[str, Any] = {}  # from `<<: *anchor`; what is written here wins
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key == "<<":
                    for part in value_node.value if value_node.id == "sequence" else [value_node]:
                        laid |= _build(part, path, source, yaml)
                    continue
                here = (*path, key)
                if key in made:
                    source.lines[here] = key_node.start_mark.line + 1
                    source.problem(here, "同一个键写了两次，请删去一个")
                    continue
                made[key] = _build(value_node, here, source, yaml)
                source.lines[here] = key_node.start_mark.line + 1
            return laid | made
        case "sequence":
            return tuple(_build(child, (*path, i), source, yaml) for i, child in enumerate(node.value))
        case "scalar":
            try:
                if node.tag == _BARE:
                    return _bare(node.value)
                return node.value if not isinstance(node, ScalarNode) else yaml.constructor.construct_object(node)
            except YAMLError:
                pass
    source.problem(path, "不支持的 YAML 写法")
    return None


def validate(source: Source, model: type[Model]) -> Model | None:
    """The file as its schema model, or None with the problems noted."""
    if not isinstance(source.data, dict):
        if not source.problems:
            source.problem((), f"文件最外层应是键值，如 {', '.join(model.model_fields)}")
        return None
    try:
        return model.model_validate(_named(source.data, (), source))
    except ValidationError as error:
        errors = error.errors(include_url=False)
        for found in errors:
            deeper = any(len(e["loc"]) > len(found["loc"]) and e["loc"][: len(found["loc"])] == found["loc"] for e in errors)
            if deeper:  # "too short" only because what is in it is wrong
                continue
            source.problem(tuple(found["loc"]), _remedy(found, model))
        return None


def _named(data: Any, path: Path_, source: Source) -> Any:
    """`override: srdi` -> `id: srdi, override: true`, wherever it stands."""
    if isinstance(data, tuple):
        return tuple(_named(value, (*path, i), source) for i, value in enumerate(data))
    if not isinstance(data, dict):
        return data
    made = {key: _named(value, (*path, key), source) for key, value in data.items()}
    if "override" in made:
        if "id" in made:
            source.problem((*path, "override"), "id 与 override 只写一个")
        if not (made.get("reason") and made.get("source")):
            source.problem((*path, "override"), "替换上级条目要说明 reason（为什么）和 source（依据）")
        made = {**made, "id": made["override"], "override": True}
    return made


def _remedy(found: Any, model: type[Model]) -> str:
    kind, given = found["type"], found.get("input")
    match kind:
        case "extra_forbidden":
            known = ", ".join(f.alias or n for n, f in model.model_fields.items()) if len(found["loc"]) == 1 else ""
            return f"不认识的键{f'；此处可用：{known}' if known else '，请核对拼写（见 docs/packs.md）'}"
        case "missing":
            return "缺少这个键"
        case "string_type":
            return f'应是文字，读到 {given!r}；编码请加引号，如 "010000"'
        case "string_pattern_mismatch":
            return f"{given!r} 不合格式 {found['ctx']['pattern']}"
        case "literal_error":
            return f"{given!r} 不在可选值 {found['ctx']['expected']} 中"
        case "value_error":
            return str(found["ctx"]["error"])
        case _:
            return f"{found['msg']}（读到 {given!r}）"
