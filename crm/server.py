"""gunicorn in this process: sync workers only, because Flask-AppBuilder shares filter objects between threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

if TYPE_CHECKING:
    from flask import Flask

    from crm.config import Settings


class Server(BaseApplication):
    """The web process. Each worker builds its own application: engines and Polars' threads do not survive a fork.

    What holds neither is imported once, before the fork: the start costs a second of processor less for each further worker.
    """

    def __init__(self, settings: Settings, port: int) -> None:
        import crm.app  # noqa: F401

        self.settings, self.port = settings, port
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings."""
        options: dict[str, Any] = {
            "bind": f"{self.settings.host}:{self.port}",
            "workers": self.settings.web_workers,
            "worker_class": "sync",
            "timeout": 60,
            "graceful_timeout": 5,
            "accesslog": None,
            "loglevel": "warning",
            "max_requests": 20_000,
            "max_requests_jitter": 2_000,
            "control_socket_disable": True,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, built in the worker."""
        from crm.app import create_app

        return create_app(self.settings)
