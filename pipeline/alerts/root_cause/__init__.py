"""Which slices explain an incident."""
