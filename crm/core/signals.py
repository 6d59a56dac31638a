"""Signals go up: a lower package says what happened, a higher one listens. Wired in crm/app.py and crm/jobs.

Each handler gets the session of the operation and runs inside its transaction.
"""

from blinker import Namespace

_ns = Namespace()

enterprise_changed = _ns.signal("enterprise-changed")
"""Sent with `session`, `enterprise_ids`: identity, figures, titles or register changed; the nightly run re-evaluates."""
member_entered = _ns.signal("member-entered")
"""Sent with `session`, `membership`."""
member_left = _ns.signal("member-left")
"""Sent with `session`, `membership`."""
visit_signed = _ns.signal("visit-signed")
"""Sent with `session`, `visit`."""
problems_raised = _ns.signal("problems-raised")
"""Sent with `session`, `access`, `visit`, `problems` (crm.visits.schemas.Problem), `at`: what a firm asked for on a visit."""
