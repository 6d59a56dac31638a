"""What policy offers: matching and awards."""
