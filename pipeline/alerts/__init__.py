"""From a slot's numbers to a message."""
