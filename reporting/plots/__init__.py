"""Pictures: bars of days for a report, bands of slots for an alert, drawn with matplotlib."""

from reporting.plots.bands import BandPanel, Legend, draw_bands
from reporting.plots.bars import BarPanel, draw_bars

__all__ = ["BandPanel", "BarPanel", "Legend", "draw_bands", "draw_bars"]
