#!/usr/bin/env python3
"""企阶's command line. `run.py COMMAND --help` explains each; exit 0 done, 1 refused or failed, 2 wrong use."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

VENV = ROOT / ".venv" / "bin" / "python"
try:
    import click
except ModuleNotFoundError:  # called with the system's Python: the environment beside us has everything
    if VENV.exists() and Path(sys.executable) != VENV:
        os.execv(VENV, [str(VENV), *sys.argv])
    sys.exit("The environment is missing. Type: make run")

# name -> (module, one line for the list). Modules are imported only when their command is called.
COMMANDS = {
    "up": ("crm.commands", "Prepare, then web and worker together until Ctrl-C."),
    "serve": ("crm.commands", "Serve the pages."),
    "worker": ("crm.jobs.commands", "The clock and the queue."),
    "prepare": ("crm.commands", "Migrate, roles, reference data, demo on an empty database."),
    "db": ("crm.commands", "Schema: upgrade, check, revise."),
    "user": ("crm.security.commands", "Users: add, password, regions, list."),
    "demo": ("crm.jobs.commands", "A seeded synthetic city."),
    "import": ("crm.imports.commands", "A spreadsheet in: registrations, figures, titles, register."),
    "evaluate": ("crm.alerts.evaluating", "Verdicts for a facts file, or for one firm as known on a day."),
    "forecast": ("crm.alerts.commands", "The year's end for a facts file; no database."),
    "pack": ("crm.alerts.evaluating", "Packs: check, new, explain, diff, whatif, coverage, replay, schema."),
    "run": ("crm.jobs.commands", "Run a job now: nightly."),
    "report": ("crm.reports.commands", "A visit's record as PDF."),
    "audit": ("crm.security.commands", "The audit trail: verify, export."),
}


class Lazy(click.Group):
    """Lists every command without importing it."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[name][0])
        return next(command for command in module.commands if command.name == name)

    def invoke(self, ctx: click.Context) -> object:
        """The edge where refusals stop: one sentence and exit 1. Anything else is a fault of ours and shows its traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if (sentence := refusal(error)) is None:
                raise
            raise click.ClickException(sentence) from None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def refusal(error: Exception) -> str | None:
    """The sentence for an error the person at the keyboard can put right; None for a fault of ours."""
    from crm.config import ConfigurationError
    from crm.instance import NotPossible

    if isinstance(error, ConfigurationError | NotPossible):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}：{error.strerror}。"
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import OperationalError, ProgrammingError

        if isinstance(error, OperationalError | ProgrammingError):
            reason = str(error.orig).strip().splitlines()[0]
            return f"数据库不能用：{reason}。请检查 CRM_DATABASE_URL 与 CRM_DATA_DIR；还没有建表时先运行 run.py db upgrade。"
    if "crm.core.errors" in sys.modules:
        from crm.core.errors import CrmError

        if isinstance(error, CrmError):
            return error.message
    return None


@click.command(cls=Lazy)
@click.version_option(package_name=None, version="0.1.0", prog_name="qijie")
def main() -> None:
    """企阶: enterprise cultivation. Settings are CRM_* environment variables (see README)."""


if __name__ == "__main__":
    main()
