"""Reads of the ladder for pages. Every one takes an Access; lists page by key and read standings, not verdicts."""

from crm.ladder.queries.board import BoardColumn, BoardGroup, board, cards
from crm.ladder.queries.firms import SORTS, Filters, Line, firms
from crm.ladder.queries.moves import MoveLine, move_of, moves_of, open_moves

__all__ = [
    "SORTS", "BoardColumn", "BoardGroup", "Filters", "Line", "MoveLine", "board", "cards", "firms", "move_of", "moves_of", "open_moves",
]
