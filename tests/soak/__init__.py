"""Runs of the daily load that are killed at random moments: the result must equal that of an undisturbed run.

``python -m tests.soak --kills 200`` plays rounds on both engines; `tests/process/test_kills.py` plays a few.
"""
