"""Verbs of a case. Every one appends an event; stage and state beside the events are what they add up to."""

from crm.cases.operations.doors import close_door, door_of, open_door
from crm.cases.operations.files import FIRM_FILES, STAFF_FILES, Handed, Upload
from crm.cases.operations.intake import Incoming, listen, open_case, open_from_visit, open_many, outside_uuid, supplement_by_firm
from crm.cases.operations.simple import assign, close, follow_up, note, reopen
from crm.cases.operations.steps import Given, take_step
from crm.cases.operations.supervision import supervise

__all__ = [
    "FIRM_FILES", "STAFF_FILES", "Given", "Handed", "Incoming", "Upload", "assign", "close", "close_door", "door_of", "follow_up", "listen", "note", "open_case", "open_door", "open_from_visit", "open_many", "outside_uuid", "reopen",
    "supervise", "supplement_by_firm", "take_step",
]
