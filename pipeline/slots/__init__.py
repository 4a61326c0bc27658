"""15-minute metrics: measured from events, checked for late data, read back as series."""
