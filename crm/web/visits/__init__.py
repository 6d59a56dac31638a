"""Visits: the list, the form, one visit with its record."""

from crm.cases.operations import listen
from crm.web.visits.editing import VisitsPage
from crm.web.visits.receiving import VisitFilesPage
from crm.web.visits.showing import VisitPage

listen()  # problems of a visit become cases
views = [VisitsPage, VisitPage, VisitFilesPage]
