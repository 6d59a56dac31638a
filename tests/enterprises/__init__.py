"""Tests of crm.enterprises."""
