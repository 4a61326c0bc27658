"""15-minute metrics: measured from events, checked for late data, read back as series."""

from pipeline.slots.history import read
from pipeline.slots.series import Adjustment, Part, Series

__all__ = ["Adjustment", "Part", "Series", "read"]
