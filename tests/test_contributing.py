"""CONTRIBUTING.md promises that each of these is added in one place.

Metrics and slices are proven in tests/pipeline/etl.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import detectors
import detectors.methods
from detectors import registry
from reporting import channels
from reporting.channels import available, create
from reporting.message import Message

ROOT = Path(__file__).parents[1]

DETECTOR = """
from dataclasses import dataclass
from typing import ClassVar

from detectors.base import Bounds, Detector, parameter


@dataclass(frozen=True, kw_only=True)
class Ceiling(Detector):
    name: ClassVar[str] = "ceiling"
    summary: ClassVar[str] = "a fixed limit"

    height: float = parameter(10.0, above=0)

    def _detect(self, values, denominator):
        return Bounds.from_band(values, values * 0, values * 0 - self.height, values * 0 + self.height)
"""

CHANNEL = """
from dataclasses import dataclass

from reporting.channels.base import Channel


@dataclass(frozen=True)
class Pager(Channel):
    numbers: str = ""

    def addresses(self):
        return self.numbers.split()

    def send(self, address, message):
        return f"{address}/{message.key}"

    def link(self, address, message_id):
        return ""
"""


@pytest.fixture
def new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that both registries search too."""
    for package in (detectors.methods, channels):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    yield tmp_path
    for name in ("detectors.methods.ceiling", "reporting.channels.pager"):
        sys.modules.pop(name, None)
    registry.forget("ceiling")


def test_a_detector_is_one_file(new_file: Path) -> None:
    (new_file / "ceiling.py").write_text(DETECTOR)
    assert "ceiling" in detectors.available()
    bounds = detectors.create("ceiling", height=5).detect(np.array([1.0, 6.0]))
    assert bounds.is_anomaly.tolist() == [False, True]


def test_a_channel_is_one_file(new_file: Path) -> None:
    (new_file / "pager.py").write_text(CHANNEL)
    assert "pager" in available()
    pager = create("pager", numbers="101 102")
    assert [pager.send(number, Message("m", "t", "text")) for number in pager.addresses()] == ["101/m", "102/m"]


def test_every_file_that_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {
        word
        for word in text.replace("`", " ").split()
        if word.endswith((".py", ".sql", ".txt", ".cfg")) and "/" in word
    }
    assert len(named) >= 6
    assert [name for name in sorted(named) if not (ROOT / name).exists() and "my_" not in name] == []
