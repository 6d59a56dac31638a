"""Figures, charts, PDF and XLSX out."""
