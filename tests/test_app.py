"""The application as deployed: whose address a request is taken to come from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from flask import request

from crm.app import create_app

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from crm.config import Settings


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.9"), (1, "203.0.113.7"), (2, "198.51.100.1")])
def test_a_forwarded_address_counts_as_far_as_proxies_are_trusted(clean_engine: Engine, settings: Settings, proxies: int, address: str) -> None:
    app = create_app(dataclasses.replace(settings, trusted_proxies=proxies), clean_engine, TESTING=True)
    seen: list[str | None] = []
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: seen.append(request.remote_addr))
    app.test_client().get("/healthz", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}, environ_overrides={"REMOTE_ADDR": "10.0.0.9"})
    assert seen == [address]
