"""One worker leads."""

from __future__ import annotations

from crm.jobs.leader import Leadership


def test_the_first_worker_leads(clean_engine):
    first = Leadership(clean_engine)
    try:
        assert first.lead()
    finally:
        first.release()


def test_the_second_worker_stands_by(clean_engine):
    first, second = Leadership(clean_engine), Leadership(clean_engine)
    first.lead()
    try:
        assert not second.lead()
    finally:
        first.release()


def test_the_standby_leads_when_the_leader_is_gone(clean_engine):
    first, second = Leadership(clean_engine), Leadership(clean_engine)
    first.lead()
    first.release()
    try:
        assert second.lead()
    finally:
        second.release()
