"""Rules that need no forecast: dates that come near, figures that are missing or odd, visits and cases left lying.

Each module reads what its rule asks for, set by set, and gives one row per firm and subject with the level of the pack's
conditions. Days are compared by "at least": a night that did not run loses nothing.
"""

from crm.alerts.watches.base import RULES, Asked, Watched, firms_for_watches
from crm.alerts.watches.run import watch

__all__ = ["RULES", "Asked", "Watched", "firms_for_watches", "watch"]
