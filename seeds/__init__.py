"""What a new database starts with: reference tables (`load_reference`) and, on request, a synthetic city."""

from crm.regions.operations import load_reference

__all__ = ["load_reference"]
