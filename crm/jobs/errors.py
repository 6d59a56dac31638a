"""What can go wrong with a run."""

from __future__ import annotations

from crm.core.errors import Conflict


class LostRun(Exception):
    """Another worker has taken this run over: whatever was done in this transaction must not be committed."""


class Interrupted(Exception):
    """The worker was asked to stop: the run goes back to the queue as it is."""


class Unfinished(Conflict):
    """The run is still going on or waits; it cannot be asked for again now."""
