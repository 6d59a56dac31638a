"""Year-end revenue as a distribution, for all firms at once. Pure: frames in, arrays out; no database, no clock.

`history` reads cumulative figures and mends what was filed wrongly, `signs` says what the year so far tells, `model` turns that
into a distribution, `fitting` learns its few parameters, `outlook` is the door. Method and figures: docs/forecast.md.
"""

from crm.alerts.forecasting.outlook import Outlook, forecast

__all__ = ["Outlook", "forecast"]
