"""Tests of crm.regions."""
