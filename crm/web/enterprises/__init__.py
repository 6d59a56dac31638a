"""Enterprises: the list, one firm's page, and the forms that change a firm."""

from crm.web.enterprises.detail import EnterprisePage
from crm.web.enterprises.distance import DistancePage, TryPage
from crm.web.enterprises.editing import EnterpriseEditPage
from crm.web.enterprises.listing import EnterprisesPage
from crm.web.enterprises.standing import EnterpriseStandingPage

views = [EnterprisesPage, EnterprisePage, DistancePage, TryPage, EnterpriseEditPage, EnterpriseStandingPage]
