"""Alerts: the centre's list, one alert with what is done about it, and what managers see of all of them."""

from crm.web.alerts.acting import AlertPage
from crm.web.alerts.listing import AlertsPage
from crm.web.alerts.overview import AlertOverviewPage
from crm.web.alerts.year import AlertYearPage

views = [AlertsPage, AlertPage, AlertOverviewPage, AlertYearPage]
