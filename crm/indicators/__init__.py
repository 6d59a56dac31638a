"""How much: measure x period x value x source, as known on a day."""
