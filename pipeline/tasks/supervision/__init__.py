"""Supervises the runs of the commands: closing lines of the log, notes in the channels, `runs`, a dead man's check."""

from pipeline.tasks.supervision.seam import install, refused

__all__ = ["install", "refused"]
