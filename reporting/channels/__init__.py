"""Ways to send a message: one file per channel, found by its name."""
