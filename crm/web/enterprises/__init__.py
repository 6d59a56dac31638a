"""Enterprises: the list, one firm's page, and the forms that change a firm."""

from crm.web.enterprises.listing import EnterprisesPage

views = [EnterprisesPage]
