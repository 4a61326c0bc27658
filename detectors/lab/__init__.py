"""Compares and tunes detectors offline, on a history with labelled or injected incidents.

>>> from detectors import lab
>>> comparison = lab.compare(values, ["sigma", "ensemble"])  # doctest: +SKIP
>>> lab.tune(values, budget=3).messages  # doctest: +SKIP

`collect`, `read`, `from_array` and `from_frame` convert data to `Series`. `compare` ranks detectors on them. `tune`
chooses a detector for a budget of messages. `write_report` and the figures show a comparison.
"""

from detectors.lab.compare import Comparison, compare
from detectors.lab.figures import ranking_figure, series_figure, tradeoff_figure
from detectors.lab.readers import collect, from_array, from_frame, read
from detectors.lab.report import write_report
from detectors.lab.series import Series
from detectors.lab.tune import tune
from detectors.lab.tuning import Tuning

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
