"""What people are told: a bell entry for each user, and an outbox of messages to the channels they chose."""
