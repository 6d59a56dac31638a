"""Phones by role; nothing personal in a log."""

from __future__ import annotations

import io
import logging

import pytest
import structlog

from crm.config import Settings
from crm.security.access import Access
from crm.security.logs import configure
from crm.security.privacy import mask_name, mask_phone, phone_for, scrub


@pytest.mark.parametrize(("phone", "shown"), [
    ("13857612345", "138****2345"), ("138 5761 2345", "138****2345"), ("0576-88123456", "0576****3456"), ("057688123456", "0576****3456"),
    ("88123456", "****56"), ("12", "****"), ("", ""), (None, None), ("+86 13857612345", "+86 138****2345"),
])
def test_a_masked_number_keeps_its_ends_only(phone, shown):
    assert mask_phone(phone) == shown


def test_a_masked_name_keeps_the_family_name():
    assert mask_name("张三丰") == "张**"


@pytest.mark.parametrize(("role", "user", "officer", "whole"), [
    ("manager", 1, 2, True), ("officer", 1, 1, True), ("officer", 1, 2, False), ("officer", 1, None, False), ("auditor", 1, 2, False),
    ("administrator", 1, 2, False), ("officer", None, None, False),
])
def test_who_sees_the_whole_number(role, user, officer, whole):
    shown = phone_for(Access(user, "x", frozenset({role})), "13857612345", officer)
    assert (shown == "13857612345") is whole


def test_secrets_go_by_name_and_phones_by_shape_at_any_depth():
    event = {"event": "call 13857612345", "password": "x", "form": {"new_password": "y", "notes": ["0576-88123456", {"token": "z"}]}, "n": 3}
    told = str(scrub(None, "info", event))
    assert not any(secret in told for secret in ("13857612345", "88123456", "'x'", "'y'", "'z'"))
    assert "'n': 3" in told


def test_neither_our_log_nor_the_librarys_holds_a_phone_or_a_password(tmp_path):
    before = logging.getLogger().handlers[:]
    try:
        configure(Settings(data_dir=tmp_path, log_json=True))
        stream = io.StringIO()
        next(h for h in logging.getLogger().handlers if h.get_name() == "qijie").setStream(stream)
        password = "Secret-777"
        try:
            raise ValueError("contact 13857612345")  # noqa: TRY301  # any will do
        except ValueError:
            structlog.get_logger().exception("failed", password=password)
        logging.getLogger("some.library").warning("phone %s", "13857612345")
        text = stream.getvalue()
        assert text.count("138****2345") == 3, text  # the cause is told twice in a traceback
        assert "Secret-777" not in text
        assert "13857612345" not in text
    finally:
        logging.getLogger().handlers = before
        structlog.reset_defaults()
