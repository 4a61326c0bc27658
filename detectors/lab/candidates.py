"""Candidates of a comparison. A candidate is a method with parameters; it makes a detector for each series."""

from __future__ import annotations

import functools
import hashlib
import inspect
import itertools
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import detectors
from detectors.base import Detector
from detectors.errors import DetectorError
from detectors.lab.series import Series
from detectors.registry import available, find

_MOST_NAMED = 5
PACKAGES = ("feedpulse", "numpy", "numba", "scipy", "statsmodels")
SENSITIVITY = {"sensitivity": -1, "multiplier": 1, "threshold": 1}
"""Parameters that are proportional to the width of the band (1) or to its inverse (-1)."""


@dataclass(frozen=True)
class Candidate:
    """A method and the parameters that are given. The other parameters have their defaults.

    The series determines `period`, and also `kind` and `min_change` unless they are given.
    """

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        given = ", ".join(f"{key}={json.dumps(value)}" for key, value in self.parameters)
        return f"{self.name}({given})" if given else self.name

    @property
    def adjustable(self) -> str | None:
        """The parameter that sets the sensitivity (a key of `SENSITIVITY`), or None."""
        known = {field.name for field in fields(find(self.name))}
        return next((name for name in SENSITIVITY if name in known), None)

    def scaled(self, factor: float) -> Candidate:
        """Return the candidate with a band `factor` times as wide; the parameter is rounded to four digits."""
        name = self.adjustable
        if name is None:
            return self
        value = self.parameter(name) * factor ** SENSITIVITY[name]
        return Candidate(self.name, tuple({**dict(self.parameters), name: float(f"{value:.4g}")}.items()))

    def limit(self, factor: float) -> float:
        """Return how much wider the band of ``scaled(factor)`` is, which rounding moves."""
        name = self.adjustable
        if name is None:
            return 1.0
        base, value = (candidate.parameter(name) for candidate in (self, self.scaled(factor)))
        return (value / base) ** SENSITIVITY[name]

    def parameter(self, name: str) -> float:
        """Return the value of a parameter, given or default."""
        default = next(field.default for field in fields(find(self.name)) if field.name == name)
        return float(dict(self.parameters).get(name, default))

    def settings(self, series: Series) -> dict[str, Any]:
        """Return the parameters for a series, without the period."""
        known = {field.name for field in fields(find(self.name))}
        implied: dict[str, Any] = {}
        if "kind" in known:
            implied["kind"] = series.kind
        if "min_change" in known and series.kind == "value":
            implied["min_change"] = 0.0  # its unit is events
        return {**implied, **dict(self.parameters)}

    def unsuited(self, series: Series) -> str | None:
        """Return why the method is not for the rate of a series, and which methods are; None if it is for it."""
        method = find(self.name)
        if method.is_for(series.period):
            return None
        others = ", ".join(name for name in available() if find(name).is_for(series.period))
        return (
            f"{self.name} is for {method.rates()}, and this series has a point {series.rate_said}: others catch more "
            f"there ({others or 'none is known'})"
        )

    def doubted(self, series: Series) -> str | None:
        """Return why to doubt what the method says of a series; None if it suits the rate and the values."""
        if reason := self.unsuited(series):
            return reason
        if not series.mostly_zero or "quiet" in self.detector(series).promises:
            return None
        quiet = [name for name in available() if "quiet" in Candidate(name).detector(series).promises]
        return (
            f"{self} is not for series that are mostly 0, as {series.name} is ({series.zeros:.0%}): it may flag most "
            f"other values. Methods that promise to be quiet there: {', '.join(quiet) or 'none'}"
        )

    def made(self) -> Detector:
        """Make the detector without a series, to check its name and parameters."""
        return detectors.create(self.name, **dict(self.parameters))

    def code(self, series: Series) -> str:
        """Return the call that makes the detector for a series."""
        given = {"period": series.period, **self.settings(series)}
        return (
            f"detectors.create({', '.join([repr(self.name), *(f'{key}={value!r}' for key, value in given.items())])})"
        )

    def detector(self, series: Series) -> Detector:
        """Make the detector for a series."""
        return detectors.create(self.name, **{"period": series.period, **self.settings(series)})


def candidates(wanted: Iterable[Any] | None = None) -> list[Candidate]:
    """Make candidates from texts, pairs and detectors.

    Parameters
    ----------
    wanted
        Each item is a text, a pair ``("sigma", {"multiplier": 4})`` or a detector, whose period is ignored. The text
        ``"sigma multiplier=3,4 window=14"`` makes two candidates. None means all methods.

    Raises
    ------
    DetectorError
        A method or parameter is unknown, or the list is empty.
    """
    made: list[Candidate] = []
    for item in available() if wanted is None else wanted:
        if isinstance(item, str):
            made += _parse(item)
        elif isinstance(item, Candidate):
            made.append(item)
        elif isinstance(item, Detector):
            made.append(_of_detector(item))
        elif isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Mapping):
            made.append(Candidate(item[0], tuple(item[1].items())))
        else:
            raise DetectorError(f"{item!r} is not a detector: use a name, a pair (name, parameters) or a Detector")
    if not made:
        raise DetectorError("no detector to compare")
    for candidate in made:
        detectors.create(candidate.name, **dict(candidate.parameters))
    return list(dict.fromkeys(made))


def remarks(series: Sequence[Series], candidates: Sequence[Candidate], failures: Mapping[str, str]) -> list[str]:
    """Return what the reader of a result must know: rates and kinds of the series, and methods that do not suit."""
    groups: dict[str, list[str]] = {}
    for item in series:
        groups.setdefault(f"a point {item.rate_said}, kind {item.kind_said}", []).append(item.name)
    lines = [f"{_listed(names)}: {what}" for what, names in groups.items()]
    ranked = [candidate for candidate in candidates if str(candidate) not in failures]
    warnings = [reason for candidate in ranked for item in series if (reason := candidate.doubted(item))]
    return [*lines, *(f"WARNING: {reason}" for reason in dict.fromkeys(warnings))]


def _parse(text: str) -> list[Candidate]:
    name, *settings = text.split() or [""]
    choices = []
    for setting in settings:
        key, equals, values = setting.partition("=")
        if not (key and equals and values):
            raise DetectorError(f"{text!r}: {setting!r} is not KEY=VALUE or KEY=VALUE,VALUE")
        choices.append([(key, _value(value)) for value in values.split(",")])
    find(name)
    return [Candidate(name, parameters) for parameters in itertools.product(*choices)]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _of_detector(detector: Detector) -> Candidate:
    own = {field.name: getattr(detector, field.name) for field in fields(detector) if field.name != "period"}
    default = {field.name: field.default for field in fields(detector)}
    return Candidate(detector.name, tuple((key, value) for key, value in own.items() if value != default[key]))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"


def config(candidate: Candidate, series: Sequence[Series]) -> str:
    """Return sections of luigi.cfg: [alerts] for the parameters of most series, [metric.NAME] for the others.

    `kind` is omitted unless it was given, because the alerts know the kind of each metric.
    """
    # Luigi reads luigi.cfg with interpolation, so % is written as %%.
    implied = {item.name: candidate.settings(item) for item in series}
    own = dict(candidate.parameters)
    kept = {name: {key: all_[key] for key in all_ if key != "kind" or key in own} for name, all_ in implied.items()}
    wanted = {name: json.dumps(parameters).replace("%", "%%") for name, parameters in kept.items()}
    counts = list(wanted.values())
    usual = max(dict.fromkeys(counts), key=counts.count)
    sections = [f"[alerts]\ndetector = {candidate.name}\ndetector_params = {usual}"]
    for name, parameters in wanted.items():
        if parameters != usual:
            sections.append(f"[metric.{name}]\ndetector = {candidate.name}\ndetector_params = {parameters}")
    return "\n".join(sections) + "\n"


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that affect results."""
    by_package = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            by_package[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            by_package[package] = "not installed"
    return by_package


@functools.cache
def code_digest(method: type[Detector]) -> str:
    """Return the SHA-256 of this package and of the method's file. It invalidates stored results of other code."""
    folder = Path(detectors.__file__).parent
    files = [*sorted(folder.glob("*.py")), *sorted(folder.glob("methods/*.py")), *sorted(folder.glob("lab/*.py"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    try:
        digest.update(Path(inspect.getfile(method)).read_bytes())
    except (OSError, TypeError):  # a class that is defined in a notebook has no file
        digest.update(
            repr([value.__code__.co_code for value in vars(method).values() if inspect.isfunction(value)]).encode()
        )
    return digest.hexdigest()
