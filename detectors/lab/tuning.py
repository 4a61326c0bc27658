"""The result of `detectors.lab.tune`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.lab.candidates import Candidate, config
from detectors.lab.series import Series

if TYPE_CHECKING:
    import pandas

ALERTS_PERIOD = 96


@dataclass(frozen=True)
class Part:
    """Messages and recall of a candidate on one part of the history."""

    per_week: float
    """Messages a week over all series together."""
    caught: int
    """Incidents with a message in time."""
    incidents: int
    by_series: tuple[tuple[int, int], ...]
    """(caught, incidents) of each series."""

    @property
    def recall(self) -> float:
        """Share of the incidents with a message in time; NaN without incidents."""
        return self.caught / self.incidents if self.incidents else np.nan


@dataclass(frozen=True)
class Choice:
    """A candidate with its band as wide as the budget requires."""

    candidate: Candidate
    earlier: Part
    later: Part
    judged: float = 1.0
    """Share of the scored points with a value that have a score."""

    @property
    def parts(self) -> tuple[tuple[str, Part], ...]:
        """Both parts of the history by name."""
        return ("earlier", self.earlier), ("later", self.later)


@dataclass(frozen=True)
class Line:
    """A series in a message. The band is NaN for a method that only scores."""

    series: str
    value: float
    expected: float
    lower: float
    upper: float
    last: datetime
    """Wall clock of its last anomalous point."""


@dataclass(frozen=True)
class Message:
    """A message that would have been sent. `moment` is the wall clock of its point."""

    moment: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Tuning:
    """The result of `tune`.

    Parameters
    ----------
    budget
        Messages a week.
    choices
        Candidates that keep the budget on the earlier part, ordered by their recall there.
    failures
        For each candidate that is not in `choices`, the reason.
    messages
        Messages of the best candidate over the whole scored history.
    series
        The history without injected incidents.
    cuts
        For each series, its first scored column and the first column of the later part.
    alike
        Candidates whose recall does not differ significantly from that of the best.
    origin
        What determines the result: data, budget, seed, candidates, copies and versions.
    """

    budget: float
    choices: list[Choice]
    failures: dict[str, str]
    messages: list[Message]
    series: list[Series]
    cuts: list[tuple[int, int]]
    alike: list[str]
    origin: dict[str, Any]

    @property
    def best(self) -> Choice | None:
        """The best choice; None if no candidate keeps the budget."""
        return self.choices[0] if self.choices else None

    def to_frame(self) -> pandas.DataFrame:
        """Return the choices as a DataFrame, best first."""
        import pandas as pd

        return pd.DataFrame(
            {
                "detector": str(choice.candidate),
                **{
                    f"{name}_{key}": getattr(part, key) for name, part in choice.parts for key in ("per_week", "recall")
                },
            }
            for choice in self.choices
        )

    @property
    def is_for_alerts(self) -> bool:
        """Whether the alerts can use the choice: they judge slots of 15 minutes."""
        return all(item.period == ALERTS_PERIOD for item in self.series)

    def config(self) -> str:
        """Return the sections of luigi.cfg that configure the best choice; empty without one.

        Only the alerts read them, and the alerts judge slots of 15 minutes (`is_for_alerts`).
        """
        return config(self.best.candidate, self.series) if self.best else ""
