"""企阶 (Qijie): the software an economy bureau runs its enterprise cultivation on.

Read the packages in this order and they tell the story: who (regions, security, enterprises), how much (indicators),
what is required (criteria), where they stand (ladder), what we did (visits, cases), what is offered and promised
(programmes, targets), what to look at (alerts), what goes in and out (imports, reports), and how it is delivered
(jobs, api, web, app).
"""

__version__ = "0.1.0"

import os
import sys

if sys.platform == "darwin":  # where Homebrew puts Pango on Apple silicon; nobody looks there unasked
    os.environ.setdefault("DYLD_FALLBACK_LIBRARY_PATH", "/opt/homebrew/lib:/usr/local/lib:/usr/lib")
