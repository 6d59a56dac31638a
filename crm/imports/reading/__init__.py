"""Files into tables: bytes to grids of text, grids to a layout (head, units, body, orientation), cells to values."""
