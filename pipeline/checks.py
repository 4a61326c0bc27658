"""The check of a slot: each watched metric against its detector."""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

import detectors
from pipeline import metrics, settings
from pipeline.clock import SLOTS_A_DAY
from pipeline.errors import SettingsError
from pipeline.history import Series

Verdict = Literal["ok", "anomaly", "no data", "no history"]


@dataclass(frozen=True)
class Watch:
    """A metric and how luigi.cfg wants it checked."""

    metric: metrics.Metric
    settings: settings.MetricSettings
    detector: detectors.Detector


@dataclass(frozen=True)
class Check:
    """What a detector said about one metric in one slot; NaN where there is no number."""

    metric: str
    detector: str
    value: float
    expected: float
    lower: float
    upper: float
    score: float
    verdict: Verdict


def watches() -> list[Watch]:
    """Every metric of ``[alerts] metrics`` with its detector.

    Raises
    ------
    SettingsError
        If a metric, detector or parameter is unknown; the text lists the valid ones.
    """
    found = []
    for metric in metrics.by_names(settings.alerts().metrics, "[alerts] metrics"):
        chosen = settings.metric(metric.name)
        try:
            detector = detectors.create(chosen.detector, **_parameters(chosen, metric.kind))
        except detectors.DetectorError as error:
            raise SettingsError(f"detector of {metric.name} ([metric.{metric.name}] or [alerts]): {error}") from error
        found.append(Watch(metric, chosen, detector))
    return found


def check(series: Series, watched: Sequence[Watch]) -> list[Check]:
    """Judge the newest slot of each series.

    Parameters
    ----------
    series : Series
        A row for each watch, in the same order.
    watched : sequence of Watch
        Metrics that share a detector are judged in one call.
    """
    rows = {watch.metric.name: row for row, watch in enumerate(watched)}
    checks: dict[str, Check] = {}
    for (detector, kind), group in itertools.groupby(
        sorted(watched, key=_method), lambda watch: (watch.detector, watch.metric.kind)
    ):
        members = list(group)
        chosen = [rows[watch.metric.name] for watch in members]
        denominators = series.denominators[chosen] if kind == "ratio" else None
        bounds = detector.detect_last(series.values[chosen], denominators)
        for i, watch in enumerate(members):
            value = float(series.values[chosen[i], -1])
            checks[watch.metric.name] = Check(
                metric=watch.metric.name,
                detector=watch.settings.detector,
                value=value,
                expected=float(bounds.expected[i]),
                lower=float(bounds.lower[i]),
                upper=float(bounds.upper[i]),
                score=float(bounds.score[i]),
                verdict=judge(value, float(bounds.score[i]), watch.settings.direction),
            )
    return [checks[watch.metric.name] for watch in watched]


def judge(value: float, score: float, direction: settings.Direction) -> Verdict:
    """Turn a score into a verdict.

    Parameters
    ----------
    value : float
        The slot's value; NaN means that there is none (a ratio without a denominator).
    score : float
        Signed, outside [-1, 1] is anomalous; NaN means that the history does not suffice.
    direction : {"both", "up", "down"}
        Which deviations count.
    """
    if np.isnan(value):
        return "no data"
    if np.isnan(score):
        return "no history"
    if (score > 1 and direction != "down") or (score < -1 and direction != "up"):
        return "anomaly"
    return "ok"


def _parameters(chosen: settings.MetricSettings, kind: str) -> dict[str, object]:
    """What luigi.cfg says, and what a method should know of any metric of ours."""
    known = {field.name for field in dataclasses.fields(detectors.find(chosen.detector))}
    ours = {"period": SLOTS_A_DAY, "kind": kind}
    return {**{name: value for name, value in ours.items() if name in known}, **chosen.detector_params}


def _method(watch: Watch) -> tuple[str, str]:
    return repr(watch.detector), watch.metric.kind
