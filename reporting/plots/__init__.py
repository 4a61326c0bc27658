"""Pictures: bars of days and bands of slots, drawn with matplotlib."""

from reporting.plots.panels import BandPanel, BarPanel, Legend, bands, bars

__all__ = ["BandPanel", "BarPanel", "Legend", "bands", "bars"]
