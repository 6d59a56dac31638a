"""Every command: --help explains it, wrong use is 2, a refusal is 1 with one sentence, --json is one document."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from crm.config import ROOT
from run import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result


def _commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, f"{name} is listed and does not exist"
            yield from _commands(below, (*words, name))


ALL = dict(_commands(main))
READING_SETTINGS = [
    words for words, command in ALL.items()
    if not isinstance(command, click.Group) and not any(p.required for p in command.params) and words not in {("import",), ("pack", "schema")}
]
READING_JSON = (("db", "check"), ("user", "list"), ("audit", "verify"))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_explains_every_command(typed: Callable[..., Result], words: tuple[str, ...]) -> None:
    result = typed(*words, "--help")
    assert (result.exit_code, result.stdout.startswith("Usage:")) == (0, True)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_a_sentence_of_its_own(words: tuple[str, ...]) -> None:
    assert (ALL[words].help or "").strip()


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_an_unknown_option_is_wrong_use(typed: Callable[..., Result], words: tuple[str, ...]) -> None:
    assert typed(*words, "--no-such-option").exit_code == 2


def test_an_unknown_command_is_wrong_use(typed: Callable[..., Result]) -> None:
    assert typed("no-such-command").exit_code == 2


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`{name}" not in readme] == []


@pytest.mark.parametrize("words", [("user", "list"), ("audit", "verify"), ("demo",), ("run", "nightly")], ids=" ".join)
def test_a_database_without_tables_is_refused_with_what_to_type(typed: Callable[..., Result], folder: Path, words: tuple[str, ...]) -> None:
    folder.mkdir()
    result = typed(*words)
    assert (result.exit_code, "run.py db upgrade" in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize("words", READING_SETTINGS, ids=" ".join)
def test_a_setting_that_does_not_exist_is_refused_by_name(
    typed: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CRM_PROT", "8081")
    result = typed(*words)
    assert (result.exit_code, "CRM_PROT" in result.stderr) == (1, True), result.stderr


def test_a_refusal_in_a_shell_has_no_traceback(started: Callable[..., subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PORT", "eighty")
    result = started("up")
    assert (result.returncode, result.stderr.count("\n"), result.stdout) == (1, 1, "")


def test_up_imports_neither_database_nor_flask() -> None:
    asked = "import sys, crm.commands; print([m for m in ('sqlalchemy', 'flask', 'polars') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.fixture
def migrated(typed: Callable[..., Result]) -> Callable[..., Result]:
    """`typed` on a database that is there."""
    result = typed("db", "upgrade")
    assert result.exit_code == 0, result.output
    return typed


def test_json_is_one_document_and_nothing_else(migrated: Callable[..., Result]) -> None:
    answers = [json.loads(migrated(*words, "--json").stdout) for words in READING_JSON]
    assert [type(answer) for answer in answers] == [dict, list, dict]


def test_db_upgrade_twice_is_the_same_as_once(migrated: Callable[..., Result]) -> None:
    assert migrated("db", "upgrade").exit_code == 0


def test_a_user_who_exists_is_refused(migrated: Callable[..., Result]) -> None:
    words = ("user", "add", "zhou", "--name", "周科", "--role", "manager", "--region", "331000")
    assert [migrated(*words).exit_code, migrated(*words).exit_code] == [0, 1]
