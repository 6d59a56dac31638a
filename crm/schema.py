"""Every table in one place: importing this module fills `crm.core.db.metadata` (migrations, tests, app)."""

import crm.alerts.models
import crm.cases.models
import crm.criteria.models
import crm.enterprises.models
import crm.imports.models
import crm.indicators.models
import crm.jobs.models
import crm.ladder.models
import crm.notices.models
import crm.programmes.models
import crm.regions.models
import crm.reports.models
import crm.security.models
import crm.targets.models
import crm.visits.models
import crm.visits.plans.models
from crm.core.db import metadata

__all__ = ["metadata"]
