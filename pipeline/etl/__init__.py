"""The SQL of the daily load, the proof that a loaded day equals its source, and reading the results back."""
