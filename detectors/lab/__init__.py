"""Comparing detectors offline: how well, how early and how noisily they find labelled incidents.

>>> from detectors import lab
>>> found = lab.compare(values, ["sigma", "ensemble"])  # doctest: +SKIP
>>> lab.tune(values, budget=3).messages  # doctest: +SKIP
"""

from detectors.lab.compare import Comparison, compare
from detectors.lab.figures import ranking_figure, series_figure, tradeoff_figure
from detectors.lab.readers import collect, from_array, from_frame, read
from detectors.lab.report import write_report
from detectors.lab.series import Series
from detectors.lab.tune import Tuning, tune

__all__ = [
    "Comparison",
    "Series",
    "Tuning",
    "collect",
    "compare",
    "from_array",
    "from_frame",
    "ranking_figure",
    "read",
    "series_figure",
    "tradeoff_figure",
    "tune",
    "write_report",
]
