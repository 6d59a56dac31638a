"""Reads one YAML file of a pack: YAML 1.2, duplicate keys refused, every value's line remembered.

Why not a plain load: YAML 1.1 turns `on` into true and `010000` into 4096, and most loaders let the second of two equal
keys win silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from crm.criteria.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from crm.criteria.schema import Model

Path_ = tuple[str | int, ...]


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
        root = yaml.compose(path.read_text(encoding="utf-8"))
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


def _build(node: Node, path: Path_, source: Source, yaml: YAML) -> Any:
    source.lines[path] = node.start_mark.line + 1
    match node:
        case MappingNode():
            made: dict[str, Any] = {}
            laid: dict[str, Any] = {}  # from `<<: *anchor`; what is written here wins
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key == "<<":
                    for part in value_node.value if isinstance(value_node, SequenceNode) else [value_node]:
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
        case SequenceNode():
            return tuple(_build(child, (*path, i), source, yaml) for i, child in enumerate(node.value))
        case ScalarNode():
            return yaml.constructor.construct_object(node)
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
