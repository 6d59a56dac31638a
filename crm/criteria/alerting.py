"""What an alert rule of a pack may speak of: the closed list of rules, their inputs and their settings.

Rules that rest on the year's forecast have their inputs in crm/alerts/levels.py; here stand those of the other rules.
"""

from __future__ import annotations

FORECAST_RULES = frozenset({"exit_risk", "near_threshold", "first_crossing", "newly_entered_at_risk"})
WATCH_INPUTS: dict[str, dict[str, str]] = {
    "title_expiring": {"days_left": "日", "update_left": "日", "misses": "", "one_year": "?"},
    "filing_missing": {"missing": "", "days_late": "日", "no_data": "?"},
    "figure_suspicious": {"unit": "?", "swapped": "?", "falling": "?", "jump": "?"},
    "re_entry_window": {"line": "元", "projected": "元", "last_year": "元", "days_out": "日", "review_left": "日"},
    "visit_overdue": {"days_since": "日", "never": "?", "at_risk": "?", "leading": "?", "in_register": "?", "in_pool": "?", "assigned": "?"},
    "case_overdue": {"days_past": "日", "urgent": "?"},
}
"""Rule -> names its conditions may use -> unit ('?' = yes/no)."""
WATCH_SETTINGS: dict[str, frozenset[str]] = {
    "title_expiring": frozenset({"hold", "after", "update_after"}),
    "filing_missing": frozenset({"hold"}),
    "figure_suspicious": frozenset({"hold", "unit_from", "unit_to", "own_from", "own_to", "jump", "like_last_year", "months"}),
    "re_entry_window": frozenset({"hold", "within"}),
    "visit_overdue": frozenset({"hold"}),
    "case_overdue": frozenset({"hold"}),
}
"""Rule -> names of its settings. `hold`: days a better level must last before it is believed."""
KNOWN = FORECAST_RULES | WATCH_INPUTS.keys()
