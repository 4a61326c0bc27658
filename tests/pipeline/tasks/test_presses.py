"""How long `Presses` waits, and what ends it."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from pipeline.core import files
from pipeline.tasks import presses
from reporting.channels import Channel
from reporting.message import Message

DEFAULTS = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)


@dataclass(frozen=True)
class Quiet(Channel):
    """A channel where somebody presses, or does not, while it waits."""

    can_wait: ClassVar[bool] = True

    meanwhile: Callable[[], bool] = lambda: False
    waited: list[int] = field(default_factory=list)

    def addresses(self) -> list[str]:
        return []

    def send(self, address: str, message: Message) -> str:
        raise AssertionError

    def link(self, address: str, message_id: str) -> str:
        raise AssertionError

    def await_press(self, seconds: int) -> bool:
        self.waited.append(seconds)
        return self.meanwhile()


def waits(channel: Channel, minutes: int = 58) -> bool:
    with presses._Wait(minutes) as wait:
        return wait.for_press({"quiet": channel})
    return False


def test_a_press_ends_the_wait() -> None:
    channel = Quiet(meanwhile=lambda: len(channel.waited) == 3)
    assert waits(channel) is True
    assert channel.waited == [50, 50, 50]


@pytest.mark.parametrize("second", [0, 1, 31, 59])
def test_the_run_ends_just_before_the_start_of_another(monkeypatch: pytest.MonkeyPatch, second: int) -> None:
    began, now = 1_800_000_000 + second, [0.0]  # a full minute, and some seconds

    def pass_() -> bool:
        now[0] += channel.waited[-1]
        return False

    monkeypatch.setattr(time, "time", lambda: began + now[0])
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    channel = Quiet(meanwhile=pass_)
    assert waits(channel) is False
    assert (began + now[0]) % 60 == 57
    assert 57 * 60 - 3 <= now[0] < 58 * 60


def test_without_minutes_nothing_is_waited_for() -> None:
    channel = Quiet()
    assert waits(channel, 0) is False
    assert channel.waited == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_at_once(number: signal.Signals) -> None:
    def stopped() -> bool:
        os.kill(os.getpid(), number)
        raise AssertionError("the wait went on")

    assert waits(Quiet(meanwhile=stopped)) is False
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == DEFAULTS


def test_what_is_being_done_when_a_signal_comes_is_done_first() -> None:
    channel, done = Quiet(), False
    with presses._Wait(58) as wait:
        os.kill(os.getpid(), signal.SIGTERM)
        done = True
        wait.for_press({"quiet": channel})
    assert (done, channel.waited) == (True, [])


def test_changed_settings_are_for_the_next_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / files.OWN_FILE
    own.write_text("[telegram]\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(own))

    def edited() -> bool:
        own.write_text("[telegram]\nmay_press = @anna\n")
        os.utime(own, (1, 1))
        return True

    channel = Quiet(meanwhile=edited)
    assert waits(channel) is False
    assert len(channel.waited) == 1
