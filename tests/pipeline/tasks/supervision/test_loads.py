"""What is said of the rhythm of loads and of learning, once each."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipeline.alerts import learning
from pipeline.alerts.learning import Lack
from pipeline.slots import completeness
from pipeline.slots.completeness import Completeness
from pipeline.slots.rhythm import DAY, Rhythm
from pipeline.tasks.supervision import loads, memory
from pipeline.tasks.supervision.notes import Notes
from pipeline.tasks.supervision.scheduling import Done
from tests.pipeline.configuration import configured
from tests.pipeline.slots.test_rhythm import HOUR, Visible, every, nightly, play, stream


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """The directory of an outbox and of what was said."""
    with configured(outbox={"path": str(tmp_path / "out")}, delivery={"lock_path": str(tmp_path)}):
        yield tmp_path


def sent(folder: Path) -> list[str]:
    """The titles in the outbox, oldest first, an answer with a mark."""
    records = [json.loads(path.read_bytes()) for path in (folder / "out").glob("feedpulse*.json")]
    records.sort(key=lambda record: record["written_at"])
    return [("re: " if record["reply_to"] else "") + record["title"].removeprefix("feedpulse: ") for record in records]


def learnt(visible: Visible, days: float = 1) -> Rhythm:
    rhythm = play(visible, days).rhythm
    assert rhythm
    return rhythm


def watch_rhythm(monkeypatch: pytest.MonkeyPatch, feed: Rhythm, messages: Rhythm) -> None:
    """A run that finds these rhythms."""
    arrived = Completeness((), {}, {"feed": feed, "messages": messages})
    monkeypatch.setattr(completeness, "recount", lambda _: arrived)
    with memory.opened() as state:
        loads.watch_rhythm(Notes(state, "Alerts"))


def watch_learning(*without: str) -> None:
    """A run that checks a slot, in which these metrics have no history."""
    done = [Done("CheckAlerts", {"slot": "2026-11-28T1200"}, {"no_history": list(without)})]
    with memory.opened() as state:
        loads.watch_learning(Notes(state, "Alerts"), done)


def test_that_alerts_come_late_is_said_once_for_each_rhythm(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    hourly, slower = learnt(every(HOUR)), learnt(every(HOUR, 3))
    late = "up to 1 h after the quarter of an hour that they are about"
    said = f"feed_actions: loaded about every 1 h, so alerts come with each load, {late}"
    for rhythm in (hourly, slower, hourly):  # they differ by half an hour
        watch_rhythm(monkeypatch, rhythm, learnt(stream))
    assert sent(folder) == [said]
    watch_rhythm(monkeypatch, learnt(stream), learnt(stream))
    assert sent(folder)[1:] == ["re: feed_actions, message_actions: rows arrive at once, alerts come every 15 minutes"]


def test_before_a_rhythm_is_known_nothing_is_said(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    watch_rhythm(monkeypatch, learnt(every(HOUR), 2 / 24), learnt(stream))
    watch_rhythm(monkeypatch, learnt(stream), learnt(stream))
    assert sent(folder) == []


def test_a_source_that_is_loaded_at_night_is_told_so_and_of_a_missing_load(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    rhythm = learnt(nightly, 4.5)
    for hours in (0, 1):
        watch_rhythm(monkeypatch, replace(rhythm, now=rhythm.now + hours * HOUR), rhythm)
    both = "feed_actions, message_actions"
    said = f"{both}: loaded about every 1 d, too rarely for alerts every 15 minutes; days are checked"
    assert sent(folder) == [said]
    for hours in (20, 21):
        watch_rhythm(monkeypatch, replace(rhythm, now=rhythm.now + hours * HOUR), rhythm)
    (missing,) = sent(folder)[1:]
    assert missing.startswith("feed_actions: no rows after")
    assert missing.endswith("until then they were loaded about every 1 d")
    again = learnt(nightly, 5.5)
    assert again.now == rhythm.now + DAY
    watch_rhythm(monkeypatch, again, again)
    assert sent(folder)[2:] == [f"re: {both}: loaded again"]


def test_that_a_source_is_learning_is_said_once(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    lacks = [Lack("views", 0, 14, date(2026, 12, 12)), Lack("ctr", 0, 7, date(2026, 12, 5))]
    monkeypatch.setattr(learning, "lacking", lambda *_: lacks)
    for _ in range(3):
        watch_learning("views", "ctr")
    assert sent(folder) == ["learning, alerts from 12 December on"]
    watch_learning()
    watch_learning()
    assert sent(folder)[1:] == ["re: learning is over, every metric is checked"]
