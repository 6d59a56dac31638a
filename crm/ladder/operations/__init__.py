"""The ladder's verbs: register stays, titles, listing stages, moves. They check scope and role, flush, never commit.

Facts (stays, titles, stages) come from people and imports; software only proposes moves.
"""

from crm.ladder.operations.moves import confirm, propose, reject, undo, withdraw
from crm.ladder.operations.register import enter, leave
from crm.ladder.operations.stages import end_stage, reach_stage
from crm.ladder.operations.titles import grant, revoke

__all__ = ["confirm", "end_stage", "enter", "grant", "leave", "propose", "reach_stage", "reject", "revoke", "undo", "withdraw"]
