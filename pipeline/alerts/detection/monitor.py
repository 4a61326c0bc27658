"""The monitors: each metric of ``[alerts] metrics`` with its detector and its settings."""

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
    """A metric with the settings and the detector that check it."""

    metric: metrics.Metric
    settings: settings.MetricSettings
    detector: Detector


@once
def monitors() -> list[Monitor]:
    """Make a monitor for every metric of ``[alerts] metrics``.

    Raises
    ------
    SettingsError
        If a metric, detector or parameter is unknown. The message lists the valid ones.
    """
    made = []
    for metric in metrics.by_names(settings.AlertSettings().metrics, "[alerts] metrics"):
        chosen = settings.metric(metric.name)
        try:
            detector = detectors.create(chosen.detector, **_parameters(chosen, metric.kind))
        except detectors.DetectorError as error:
            raise SettingsError(f"detector of {metric.name} ([metric.{metric.name}] or [alerts]): {error}") from error
        made.append(Monitor(metric, chosen, detector))
    return made


def _parameters(chosen: settings.MetricSettings, kind: str) -> dict[str, object]:
    """Add period and kind to the parameters of luigi.cfg, if the method has them. luigi.cfg takes precedence."""
    known = {field.name for field in dataclasses.fields(detectors.find(chosen.detector))}
    ours = {"period": SLOTS_A_DAY, "kind": kind}
    return {**{name: value for name, value in ours.items() if name in known}, **chosen.detector_params}
