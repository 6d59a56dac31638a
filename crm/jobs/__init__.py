"""The clock and the queue that call operations."""
