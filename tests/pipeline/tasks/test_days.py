"""`CheckDays` in the mornings: what is told of days, once, with its causes, and what is not."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.alerts.incidents import current_rules, store
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.alerts.notify import days as notify_days
from pipeline.core import clock
from pipeline.core.errors import SettingsError
from pipeline.tasks import CheckDays
from pipeline.tasks.alerts import monitors_and_channels
from pipeline.warehouse.engines import EmbeddedEngine
from reporting.errors import ReportingError
from tests.pipeline.tasks.history import History
from tests.pipeline.tasks.mornings import aware, mornings

TUESDAY = date(2026, 11, 10)
DAY = timedelta(days=1)
KEY = "alert-2026-11-10-likes"
LOW_LIKES = {("likes", ""): 0.88}


@pytest.fixture
def history(embedded_warehouse: EmbeddedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    monkeypatch.setattr("pipeline.tasks.days.CATCH_UP_DAYS", 2)  # each takes a third of a second
    with mornings(embedded_warehouse, tmp_path) as made:
        made.sections["etl"] = {"reload_days": "0"}
        made_up = History(made)
        made_up.arrive(*clock.days(TUESDAY - 29 * DAY, TUESDAY + 12 * DAY))
        yield made_up


def incidents(history: History, day: date) -> list[Incident]:
    with history.at(day, 9):
        start = clock.day_bounds(day - 28 * DAY)[0]
        return [item for item in store.load_between(start, clock.utcnow()) if item.unit == "day"]


def test_a_low_tuesday_is_told_the_next_morning_and_closes(history: History) -> None:
    history.factors[TUESDAY] = LOW_LIKES
    history.morning(TUESDAY - DAY)
    assert history.place.messages() == []
    history.morning(TUESDAY)
    assert history.place.messages() == [KEY]
    lines = history.place.text(KEY).splitlines()
    assert lines[0] == "🟠 Likes −12.1% and 1 more on Tue 10 Nov"
    assert lines[2].startswith("Likes: 35,840, expected 40,7")
    assert lines[2].endswith("(−12.1%)")
    assert lines[3].startswith("usually 38,1")
    assert lines[4].startswith("CTR: 17.7%, expected 20.0%")
    assert lines[-1] == "Tuesday, 10 November 2026, whole day"
    assert lines[-3].startswith("lost so far: 4,9")
    assert lines[-4].startswith("CTR: likes fell (−12.1%), views −0.9%; 100% within slices")
    history.check(TUESDAY)
    assert history.place.text(KEY).splitlines() == lines

    history.morning(TUESDAY + DAY)
    closed = history.place.text(KEY).splitlines()
    assert closed[0] == "✅ CTR and 1 more: recovered after 1 d"
    assert "CTR: likes fell (−12.1%), views −0.9%; 100% within slices, 0% by their mix" in closed  # of Tuesday
    assert closed[-1] == "Tuesday, 10 November 2026, whole day"
    (incident,) = incidents(history, TUESDAY + DAY)
    assert (incident.outcome, incident.notified, incident.opened) == ("recovered", True, datetime(2026, 11, 9, 21))


@pytest.mark.long
def test_a_drift_is_told_within_four_days_and_says_how_fast(history: History) -> None:
    for i in range(5):
        history.factors[TUESDAY + i * DAY] = {("views", ""): 0.97 ** (i + 1), ("likes", ""): 0.97 ** (i + 1)}
    days = clock.days(TUESDAY, TUESDAY + 3 * DAY)
    for day in days:
        history.morning(day)
        if history.place.messages():
            break
    (key,) = history.place.messages()
    assert key in {f"alert-{day}-{metric}" for day in days for metric in ("views", "likes")}
    for later in clock.days(day + DAY, TUESDAY + 4 * DAY):
        history.morning(later)
    text = history.place.text(key)
    assert ", ongoing for " in text.splitlines()[0]
    assert history.place.messages() == [key]


@pytest.mark.long
def test_the_slice_behind_a_low_day_is_named(history: History) -> None:
    history.factors[TUESDAY] = {("views", "iOS"): 0.7, ("views", ""): 1.0}
    history.morning(TUESDAY)
    (key,) = history.place.messages()
    text = history.place.text(key)
    assert "os iOS explains" in text
    assert text.splitlines()[2].startswith("Views: ")


def test_what_slots_told_is_not_told_again(history: History) -> None:
    history.factors[TUESDAY] = LOW_LIKES
    since = datetime(2026, 11, 10, 9)
    last = since + timedelta(hours=3)
    member = Member("likes", "total", "all", since, last, -1, bad_slots=13, worst=-0.9, observed=1000, expected=6000)
    told = Incident("likes:2026-11-10T0900", since, last, (member,), notified=True, ended=True)
    with history.at(TUESDAY, 6):
        store.save_incidents([told], last + timedelta(hours=1))
    history.morning(TUESDAY)
    assert history.place.messages() == []
    assert {history.verdicts(TUESDAY)[metric] for metric in ("likes", "ctr")} == {"told"}


@pytest.mark.long
def test_an_incident_of_slots_that_explains_little_hides_nothing(history: History) -> None:
    history.factors[TUESDAY] = LOW_LIKES
    since = datetime(2026, 11, 10, 9)
    member = Member("likes", "total", "all", since, since, sign=-1, bad_slots=1, worst=-0.5, observed=200, expected=400)
    with history.at(TUESDAY, 6):
        blip = Incident("likes:2026-11-10T0900", since, since, (member,), notified=True, ended=True)
        store.save_incidents([blip], since + timedelta(hours=1))
    history.morning(TUESDAY)
    assert history.place.messages() == [KEY]


def test_a_day_that_is_loaded_again_corrects_its_message(history: History) -> None:
    history.factors[TUESDAY] = LOW_LIKES
    history.morning(TUESDAY)
    del history.factors[TUESDAY]
    with history.at(TUESDAY, 10):
        history.load(TUESDAY)
    history.morning(TUESDAY + DAY)
    assert history.place.messages() == [KEY]
    assert history.place.text(KEY).startswith("✅ Data was late: Tue 10 Nov is as usual")
    assert set(history.verdicts(TUESDAY).values()) == {"ok"}
    (incident,) = incidents(history, TUESDAY + DAY)
    assert (incident.ended, incident.outcome) == (True, "late data")
    before = history.place.text(KEY)
    history.morning(TUESDAY + 2 * DAY)
    assert history.place.text(KEY) == before


@pytest.mark.long
def test_a_reloaded_day_that_is_still_low_keeps_its_message(history: History) -> None:
    history.factors[TUESDAY] = {("likes", ""): 0.7}
    history.morning(TUESDAY)
    history.factors[TUESDAY] = LOW_LIKES
    with history.at(TUESDAY, 10):
        history.load(TUESDAY)
    history.check(TUESDAY)
    assert history.place.messages() == [KEY]
    assert "Likes: 35,840" in history.place.text(KEY)
    (incident,) = incidents(history, TUESDAY)
    assert incident.notified


def test_a_day_that_lacks_rows_is_left_to_the_report(history: History) -> None:
    gap = TUESDAY + 13 * DAY  # no rows in the source
    history.factors[gap] = {("likes", ""): 0.5, ("views", ""): 0.5}
    history.morning(gap)
    assert history.place.messages() == []
    assert history.verdicts(gap)["views"] == "incomplete"
    # It is no history either.
    history.arrive(gap + DAY)
    history.morning(gap + DAY)
    assert set(history.verdicts(gap + DAY).values()) == {"ok"}


def test_missed_mornings_are_recorded_and_not_told(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.tasks.days.CATCH_UP_DAYS", 3)
    history.factors[TUESDAY] = LOW_LIKES
    history.morning(TUESDAY + 2 * DAY)
    assert history.place.messages() == []
    assert history.verdicts(TUESDAY)["likes"] == "anomaly"
    assert len(history.verdicts(TUESDAY + DAY)) == 6


def test_a_young_source_is_quiet(history: History) -> None:
    young = date(2026, 9, 7) + 15 * DAY
    history.factors[young] = {("views", ""): 0.1}
    history.arrive(young)
    history.morning(young)
    assert set(history.verdicts(young).values()) == {"no history"}
    assert history.place.messages() == []


@pytest.mark.long
def test_the_calendar_holds_for_days(history: History) -> None:
    history.place.sections["calendar"] = {"release": "2026-11-10T09:00/2026-11-10T12:00 maintenance"}
    history.factors[TUESDAY] = LOW_LIKES
    history.morning(TUESDAY)
    assert history.verdicts(TUESDAY)["likes"] == "planned"
    assert history.place.messages() == []


def test_a_country_without_holidays_is_refused_before_anything_is_loaded(history: History) -> None:
    history.place.sections["clock"] = {"timezone": "Europe/Moscow", "holidays": "XX"}
    with history.at(TUESDAY), pytest.raises(SettingsError, match="holidays = XX: no holidays are known"):
        CheckDays(date=TUESDAY).complete()


def test_buttons_of_days(history: History) -> None:
    history.factors[TUESDAY] = LOW_LIKES
    history.factors[TUESDAY + DAY] = LOW_LIKES
    history.morning(TUESDAY)
    with history.at(TUESDAY, 9):
        press = RecordedPress(1, "mute", "likes:2026-11-10", "@ann", clock.utcnow())
        store.save_presses("telegram", [press])
        monitors, channels = monitors_and_channels()
        assert notify_days.refresh(["likes:2026-11-10"], monitors, current_rules(), channels).messages == 1
    assert "muted until 18 Nov, 09:00: @ann, 11 Nov, 09:00" in history.place.text(KEY)
    history.morning(TUESDAY + DAY)
    assert history.place.messages() == [KEY]
    assert ", ongoing for 2 d\n" in history.place.text(KEY)


def test_a_run_that_fails_while_sending_repeats_all(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.factors[TUESDAY] = LOW_LIKES
    history.morning(TUESDAY - DAY)
    with history.at(TUESDAY):
        history.load(TUESDAY)

    def refuse(*_: object) -> None:
        raise ReportingError("away")

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.alerts.notify.days.deliver", refuse)
        history.place.run(CheckDays(date=TUESDAY), aware(TUESDAY + DAY, 7), fails=True)
    assert history.verdicts(TUESDAY) == {}
    history.check(TUESDAY)
    assert history.place.messages() == [KEY]


def test_days_can_be_left_unchecked(history: History) -> None:
    history.place.sections["alerts"] = {"day_detector": ""}
    history.factors[TUESDAY] = LOW_LIKES
    history.morning(TUESDAY)
    assert history.place.messages() == []
