"""Tests of crm.indicators."""
