"""The messages about an incident: the notices that `notify` delivers, with the real delivery log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.alerts.detection import monitors
from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.evaluation import Evaluation, explain
from pipeline.alerts.incidents import Notice, State, Step, current_rules, step
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.notify import compose, notify, versions
from pipeline.core import clock
from pipeline.demo.load import create_tables
from pipeline.slots import Part, Series
from pipeline.warehouse.engines import EmbeddedEngine
from reporting import plots
from reporting.channels.base import Channel
from reporting.message import PNG_SIGNATURE, Message
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place

START = datetime(2026, 11, 12, 9)
SLOT = clock.SLOT
VIEWS = Part("views")
INCIDENT = "views:2026-11-12T0900"
KEY = "alert-2026-11-12T0900Z-views"
EXPECTED = 100.0

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Chat(Channel):
    """A chat that records its requests as ``(what, key)``."""

    requests: list[tuple[str, str]] = field(default_factory=list)

    def addresses(self) -> list[str]:
        return ["chat"]

    def send(self, address: str, message: Message) -> str:
        self.requests.append(("post", message.key))
        return str(len(self.requests))

    def edit(self, address: str, message_id: str, message: Message) -> str:
        self.requests.append(("edit", message.key))
        return message_id

    def reply(self, address: str, message_id: str, message: Message) -> str:
        self.requests.append(("reply", message.key))
        return str(len(self.requests))

    def link(self, address: str, message_id: str) -> str:
        return ""


@dataclass
class Story:
    """Views slot by slot, 100 expected, and the messages in a chat."""

    chat: Chat = field(default_factory=Chat)
    values: list[float] = field(default_factory=list)
    state: State = field(default_factory=State)

    def play(self, value: float, pressed: Sequence[Action] = (), *, may_alarm: bool = True, twice: bool = True) -> str:
        """Check one more slot, by default twice. Return the new messages in the chat, in a word or two."""
        self.values.append(value)
        before = len(self.chat.requests)
        clock.set_now(clock.to_local(self.slot + SLOT))
        for _ in range(2 if twice else 1):
            evaluation = self.evaluation()
            after = self.step(evaluation, pressed, may_alarm=may_alarm)
            explanations = explain(after.notices, evaluation)
            notify(after.notices, evaluation, explanations, {"chat": self.chat})
        self.state = after.state.next(since=START)
        return " ".join(dict.fromkeys(_word(*request) for request in self.chat.requests[before:]))

    @property
    def slot(self) -> datetime:
        return START + (len(self.values) - 1) * SLOT

    def step(self, evaluation: Evaluation, pressed: Sequence[Action], *, may_alarm: bool) -> Step:
        before = replace(self.state, actions={INCIDENT: pressed})
        results = evaluation.results.values()
        return step(before, results, self.slot, current_rules(), {}, now=clock.utcnow(), is_fresh=may_alarm)

    def evaluation(self) -> Evaluation:
        value = self.values[-1]
        score = (value - EXPECTED) / 5
        verdict = "anomaly" if abs(score) > 1 else "ok"
        check = CheckResult(*VIEWS, "seasonal", value, EXPECTED, 95.0, 105.0, score, verdict, score, 1.0)  # type: ignore[arg-type]
        numbers = np.array([[EXPECTED] * clock.SLOTS_A_DAY + self.values])
        series = Series((VIEWS,), self.slot, numbers, np.ones_like(numbers), np.arange(numbers.shape[1]))
        return Evaluation(series, {VIEWS: check}, monitors(), [])

    def sent(self) -> list[str]:
        """The keys of the messages that notified people."""
        return [key for what, key in self.chat.requests if what != "edit"]


def _word(what: str, key: str) -> str:
    """Return ``post``, ``edit``, or the status of a reply."""
    return key.removeprefix(f"{KEY}-").partition("-")[0] if what == "reply" else what


@pytest.fixture(scope="module")
def database(embedded_warehouse: EmbeddedEngine) -> Iterator[str]:
    with fresh_database(embedded_warehouse) as name:
        create_tables(embedded_warehouse, name)
        yield name


@pytest.fixture
def sections(
    embedded_warehouse: EmbeddedEngine, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sections]:
    # Drawing would take most of the time and is not tested here.
    monkeypatch.setattr(plots, "draw_bands", lambda *_: PNG_SIGNATURE)
    with fresh_database(embedded_warehouse) as results:
        yield {
            "warehouse": {**place(embedded_warehouse), "database": results},
            "source": {"database": database},
            "clock": {"timezone": "UTC"},
            "alerts": {"metrics": "views"},
            "delivery": {"lock_path": str(tmp_path / "locks")},
        }


def test_an_incident_that_gets_worse_twice_is_four_messages(sections: Sections) -> None:
    with configured(**sections):
        story = Story()
        messages = [story.play(value) for value in (90, 90, 48, 48, 48, 48, 5, 100, 100, 100, 100)]
    assert messages == [
        "post",
        "edit",
        "edit growing",  # 52 % is more than four times 10 %
        "edit",
        "edit",
        "edit",
        "edit growing",  # 95 % is more than 52 % and 40 %
        *["" for _ in range(3)],
        "edit recovered",
    ]
    assert story.sent() == [
        KEY,
        f"{KEY}-growing-2026-11-12T0930Z",
        f"{KEY}-growing-2026-11-12T1030Z",
        f"{KEY}-recovered",
    ]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Values of views from 09:00 on (100 expected), and the messages of each slot."""

    values: Sequence[float]
    messages: Sequence[str]
    quiet: str = ""
    """[alerts] quiet_hours: a slot that ends within them is quiet."""
    muted: bool = False
    """Whether Mute is pressed at 09:15; it lasts until 11:15."""
    stale: Sequence[int] = ()
    """The slots that ended longer than [alerts] alarm_minutes ago when they are checked."""


BACK = (100, 100, 100, 100)
NOTHING = ("", "", "", "")
CASES = {
    "nothing holds it back": Case(values=[50, 50, *BACK], messages=["post", "edit", "", "", "", "edit recovered"]),
    # Quiet hours.
    "quiet hours hold a post until they end": Case(
        quiet="08:00-09:30", values=[50, 50, 50], messages=["", "post", "edit"]
    ),
    "what is over before quiet hours end is never told": Case(
        quiet="08:00-10:45", values=[50, 50, *BACK, 100], messages=["", "", *NOTHING, ""]
    ),
    "what is good again when quiet hours end is never told": Case(
        quiet="08:00-10:00", values=[50, 50, *BACK, 100], messages=["", "", *NOTHING, ""]
    ),
    "in quiet hours a message is edited, nobody hears that it got worse, but that it is over": Case(
        quiet="09:30-11:00", values=[90, 20, *BACK], messages=["post", "edit", "", "", "", "edit recovered"]
    ),
    "that it got worse in quiet hours is told after them": Case(
        quiet="09:30-09:45", values=[90, 20, 20, 20], messages=["post", "edit", "edit growing", "edit"]
    ),
    # Mute.
    "muted, it is edited and closed without a sound": Case(
        muted=True, values=[90, 20, *BACK], messages=["post", "edit", "", "", "", "edit"]
    ),
    "a mute holds the next incident of the metric until it ends": Case(
        muted=True,
        values=[50, *BACK, 50, 50, 50, 50, 50],
        messages=["post", "", "", "", "edit", "", "", "", "post", "edit"],
    ),
    "that it got worse while muted is told after that, and its end too": Case(
        muted=True,
        values=[90, *[20] * 8, *BACK],
        messages=["post", *["edit"] * 7, "edit growing", "", "", "", "edit recovered"],
    ),
    # Slots that are caught up.
    "a stale slot calls nobody, a fresh one does while it lasts": Case(
        stale=[0, 1], values=[50, 50, 50, 50], messages=["", "", "post", "edit"]
    ),
    "what is over in stale slots is never told": Case(
        stale=range(6), values=[50, 50, *BACK, 100], messages=["", "", *NOTHING, ""]
    ),
    "in stale slots a message is edited, nobody hears that it got worse, but that it is over": Case(
        stale=range(1, 6), values=[90, 20, *BACK], messages=["post", "edit", "", "", "", "edit recovered"]
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_when_an_incident_is_notified(case: Case, sections: Sections) -> None:
    sections["alerts"]["quiet_hours"] = case.quiet
    mute = Action(INCIDENT, "mute", "Anna", START + SLOT)
    with configured(**sections):
        story = Story()
        messages = [
            story.play(value, [mute] if case.muted and i else [], may_alarm=i not in case.stale, twice=False)
            for i, value in enumerate(case.values)
        ]
    assert messages == list(case.messages)


PRESSED = Action(INCIDENT, "acknowledge", "Anna", START + SLOT)


def behind(story: Story, *pressed: Action, back: int = 0) -> set[str]:
    """The incidents whose messages are behind, for a run that knows the slot `back` slots before the newest."""
    state = replace(story.state, actions={INCIDENT: pressed} if pressed else {})
    return versions.behind(state, story.slot - back * SLOT)


def test_nothing_of_a_wrong_clock_is_newer_than_its_withdrawal(sections: Sections) -> None:
    with configured(**sections):
        story = Story()
        story.play(50, twice=False)
        (incident,) = story.state.current
        withdrawn = Notice("edit", replace(incident, ended=True, outcome="wrong clock"))
        before = [versions.shown_by(Notice("edit", incident), story.slot), versions.shown_by(withdrawn, START - SLOT)]
        assert before == [versions.version(START, ())] * 2
        clock.set_now(clock.to_local(START + 4 * SLOT))
        assert versions.shown_by(withdrawn, START - SLOT) == versions.version(START + 3 * SLOT, ())


def test_a_message_is_behind_until_the_channel_confirms_the_newest_state(sections: Sections) -> None:
    with configured(**sections):
        story = Story()
        for value in (50, 50, 50):
            story.play(value, twice=False)
        assert behind(story) == set()
        assert behind(story, PRESSED) == {INCIDENT}
        # A run that has not read the newest slot leaves the message to the run that showed it.
        assert behind(story, PRESSED, back=1) == set()
        story.play(50, [PRESSED], twice=False)
        assert behind(story, PRESSED) == set()
        assert behind(story, PRESSED, replace(PRESSED, person="Boris")) == {INCIDENT}
        for value in BACK:
            story.play(value, [PRESSED], twice=False)
        assert behind(story, PRESSED) == set()
        (ended,) = story.state.past
        assert (ended.ended, ended.noticed) == (True, story.slot)
        # A slot is due that no channel has confirmed: the run was killed, or an older edit was confirmed last.
        story.state = State(past=(replace(ended, noticed=story.slot + SLOT),))
        story.values.append(100)
        assert behind(story, PRESSED) == {INCIDENT}
        story.values += [100] * clock.SLOTS_A_DAY * 2
        assert behind(story, PRESSED) == set()  # two days later


@pytest.mark.parametrize(
    ("hours", "address"),
    [
        (1, "from=2026-10-25%2002%3A30%2B02%3A00&to=2026-10-25%2002%3A45%2B01%3A00"),  # clocks change between them
        (2, "from=2026-10-25%2003%3A30&to=2026-10-25%2003%3A45"),
    ],
)
def test_links_lead_to_the_period_of_what_is_over(sections: Sections, hours: int, address: str) -> None:
    sections["clock"]["timezone"] = "Europe/Berlin"
    sections["alerts"]["links"] = '["https://bi.example/?from={start}&to={end}"]'
    with configured(**sections):
        story = Story()
        story.play(50, twice=False)
        (incident,) = story.state.current
        start, last = datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30)
        over = replace(incident, opened=start if hours == 1 else start + timedelta(hours=2), ended=True)
        over = replace(over, last_anomaly=last if hours == 1 else over.opened, outcome="recovered")
        (alert,) = compose.alerts([Notice("edit", over)], story.evaluation(), {})
    assert alert.links == [("bi.example", f"https://bi.example/?{address}")]
