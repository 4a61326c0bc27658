"""Pictures: the last days of a report, bands of slots for an alert, drawn with matplotlib."""

from reporting.plots.bands import BandPanel, Legend, draw_bands
from reporting.plots.weeks import WeekPanel, draw_weeks

__all__ = ["BandPanel", "Legend", "WeekPanel", "draw_bands", "draw_weeks"]
