"""The SQL of the daily load, and the proof that a loaded day equals its source.

`results` reads loaded days back.
"""
