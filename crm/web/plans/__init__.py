"""走访计划: campaigns for those who manage, the own plan for an officer, a new campaign with its preview, and who is away."""

from crm.web.plans.absences import AbsencesPage
from crm.web.plans.campaign import PlanPage
from crm.web.plans.listing import PlansPage

views = [PlansPage, PlanPage, AbsencesPage]
