"""The house rules, kept by tests: import direction, docstrings, the clock, colours, the network, the FAB version."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = sorted(p for folder in ("crm", "plugins", "seeds") for p in (ROOT / folder).rglob("*.py"))
TEMPLATES = sorted((ROOT / "crm").rglob("*.html"))
WEB_TEMPLATES = [p for p in TEMPLATES if "web" in p.parts]
MAY_ASK_THE_TIME = ("crm/core/clock.py", "crm/jobs/", "crm/web/", "crm/api/", "crm/security/", "crm/app.py", "crm/commands.py", "seeds/",
                    "crm/ladder/changes.py")  # a mark 'changed' bears the instant it is made, whatever day the change is about


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_go_down_only() -> None:
    done = subprocess.run([str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert path.stat().st_size == 0 or ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [p for p in PRODUCT if not name(p).startswith(MAY_ASK_THE_TIME) and "commands" not in p.name], ids=name)
def test_the_day_is_passed_in(path: Path) -> None:
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert not set(calls) & {"date.today", "datetime.now", "datetime.utcnow", "clock.today", "clock.now", "now", "today", "time.time"}


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_broad_excepts_stay_at_the_two_edges(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    broad = [
        node.lineno for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception"))
    ]
    assert not broad or name(path).startswith("crm/jobs/")


@pytest.mark.parametrize("path", WEB_TEMPLATES, ids=name)
def test_pages_carry_no_style_attribute_and_no_inline_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", text)


@pytest.mark.parametrize("path", [*WEB_TEMPLATES, *sorted((ROOT / "crm/web/static").rglob("*.js")), *sorted((ROOT / "crm/web/static").rglob("*.css"))], ids=name)
def test_nothing_is_loaded_from_the_internet(path: Path) -> None:
    text = re.sub(r"http://www\.w3\.org/\S+", "", path.read_text(encoding="utf-8"))
    assert not re.search(r"(?:src|href|url|import|fetch)\s*[=(]?\s*[\"'(]*https?://", text)


def test_colours_are_written_in_the_tokens_only() -> None:
    sheets = [p for p in (ROOT / "crm/web/static/css").glob("*.css") if p.name != "tokens.css"]
    literal = {p.name: re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|rgba?\(", re.sub(r"/\*.*?\*/", "", p.read_text(encoding="utf-8"), flags=re.DOTALL)) for p in sheets}
    assert not {k: v for k, v in literal.items() if v}


def test_flask_appbuilder_is_the_version_we_overrode() -> None:
    assert version("flask-appbuilder") == "5.3.0", "read crm/security/manager.py, crm/web/scoped.py and headers.py against the new version first"


def test_one_migration_head() -> None:
    from crm.core.migrate import head

    assert head()
