"""What is monitored: each metric of ``[alerts] metrics`` with its detector and its settings."""

import dataclasses
from dataclasses import dataclass

import detectors
from detectors.base import Detector
from pipeline.core import metrics, settings
from pipeline.core.clock import SLOTS_A_DAY
from pipeline.core.errors import SettingsError
from pipeline.core.process import once


@dataclass(frozen=True)
class Monitor:
    """A metric and how luigi.cfg wants it checked."""

    metric: metrics.Metric
    settings: settings.MetricSettings
    detector: Detector


@once
def monitors() -> list[Monitor]:
    """Every metric of ``[alerts] metrics`` with its detector.

    Raises
    ------
    SettingsError
        If a metric, detector or parameter is unknown; the text lists the valid ones.
    """
    found = []
    for metric in metrics.by_names(settings.AlertSettings().metrics, "[alerts] metrics"):
        chosen = settings.metric(metric.name)
        try:
            detector = detectors.create(chosen.detector, **_parameters(chosen, metric.kind))
        except detectors.DetectorError as error:
            raise SettingsError(f"detector of {metric.name} ([metric.{metric.name}] or [alerts]): {error}") from error
        found.append(Monitor(metric, chosen, detector))
    return found


def _parameters(chosen: settings.MetricSettings, kind: str) -> dict[str, object]:
    """What luigi.cfg says, and what a method should know of any metric of ours."""
    known = {field.name for field in dataclasses.fields(detectors.find(chosen.detector))}
    ours = {"period": SLOTS_A_DAY, "kind": kind}
    return {**{name: value for name, value in ours.items() if name in known}, **chosen.detector_params}
