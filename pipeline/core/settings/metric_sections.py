"""The sections [metric.NAME]: how one metric is checked."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from pipeline.core.errors import SettingsError
from pipeline.core.settings.sections import AlertSettings, options, section_names

T = TypeVar("T")

_EXAMPLE_TIME = "2026-11-01%2012%3A00"
Direction = Literal["both", "up", "down"]


@dataclass(frozen=True)
class MetricSettings:
    """A section [metric.NAME]; settings that it does not have come from [alerts]."""

    detector: str
    """The detector of this metric."""
    detector_params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the detector."""
    direction: Direction = "both"
    """Which deviations are anomalies: `both`, `up` or `down`."""
    links: tuple[str, ...] = ()
    """Links; {start} and {end} become local times (YYYY-MM-DD HH:MM, percent-encoded)."""
    minimum_volume: float = 5
    """No alert while both the expected and the actual count are below this."""


def metric(name: str) -> MetricSettings:
    """Read the settings of a metric: [metric.NAME], then [alerts]."""
    section = f"metric.{name}"
    own = options(section)
    general = AlertSettings()
    direction = own.get("direction", "both")
    if direction not in ("both", "up", "down"):
        raise SettingsError(f"[{section}] direction = {direction}: use both, up or down.")
    where = {key: f"[{section if key in own else 'alerts'}] {key}" for key in ("detector_params", "links")}
    # The parameters in [alerts] are meant for the detector in [alerts].
    parameters = own.get("detector_params", "{}" if "detector" in own else general.detector_params)
    return MetricSettings(
        detector=own.get("detector", general.detector),
        detector_params=_json(parameters, dict, where["detector_params"]),
        direction=cast(Direction, direction),
        minimum_volume=_number(own.get("minimum_volume", general.minimum_volume), f"[{section}] minimum_volume"),
        links=_links(own.get("links", general.links), where["links"]),
    )


def metric_sections() -> list[str]:
    """The sections [metric.NAME] of luigi.cfg."""
    return [section for section in section_names() if section.startswith("metric.")]


def _number(given: object, where: str) -> float:
    try:
        return float(str(given))
    except ValueError as error:
        raise SettingsError(f"{where} = {given}: not a number.") from error


def _json(text: str, kind: type[T], where: str) -> T:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where} = {text}: not JSON ({error.msg} at character {error.pos}).") from error
    if not isinstance(value, kind):
        raise SettingsError(f"{where} = {text}: must be a JSON {'object' if kind is dict else 'list'}.")
    return value


def _links(text: str, where: str) -> tuple[str, ...]:
    templates = _json(text, list, where)
    for template in templates:
        if not isinstance(template, str):
            raise SettingsError(f"{where} = {text}: must be a JSON list of texts.")
        try:
            url = template.format(start=_EXAMPLE_TIME, end=_EXAMPLE_TIME)
        except (LookupError, ValueError, AttributeError) as error:
            raise SettingsError(f"{where}: {template}: only {{start}} and {{end}} are filled in.") from error
        if not _is_web_address(url):
            raise SettingsError(f"{where}: {template}: write a web address like https://bi.example/dashboard.")
    return tuple(templates)


def _is_web_address(url: str) -> bool:
    """Whether a message can show the address as a link."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is not a number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r'[\s"<>]', url)
