"""Cases: the list, one case and its steps, the measures, the firm's own open door, units and their people."""

from crm.web.cases.door import DoorPage
from crm.web.cases.figures import CaseFiguresPage
from crm.web.cases.listing import CasesPage
from crm.web.cases.units import UnitsPage

views = [CasesPage, CaseFiguresPage, DoorPage, UnitsPage]
