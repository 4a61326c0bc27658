"""Replays of past days, and the summary of a week of alerts."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.tasks import SlotHistory, Weekly
from pipeline.warehouse import tables
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, TODAY, Site, incident, site

TOMORROW = datetime(2026, 11, 13, 1)
KEY = "alert-2026-11-12T0900Z-messages_sent"


@pytest.fixture
def place(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[Site]:
    with site(embedded_warehouse, tmp_path) as made:
        made.load(incident())
        yield made


def measure(place: Site) -> None:
    """Measure the slots of today and of the history before it: a replay writes nothing."""
    for day in (TODAY, TOMORROW.date()):
        place.run(SlotHistory(date=day), TOMORROW)


def test_a_replay_prints_the_messages_people_would_have_received(
    place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.cfg"
    other.write_text(
        "[alerts]\ndetector = day_ago\nmetrics = views\n[warehouse]\nengine = server\nhost = nowhere.invalid\n",
        encoding="utf-8",
    )
    folder = tmp_path / "replayed"
    place.alerts = {"slice_volume": "1000"}  # so high that this small app has no slices to check
    measure(place)
    with place.at(TOMORROW):
        code = main(["replay", "--from", str(TODAY), "--against", str(other), "--path", str(folder)])
    output = capsys.readouterr().out
    assert code == 0
    assert "luigi.cfg: 3 messages in 1 day, 21.0 a week" in output
    assert "2026-11-12 12:15  🔴 No data in message_actions since 12:00" in output
    assert re.search(r"2026-11-12 14:00    reply: ✅ Messages sent.*: recovered after 1 h", output)
    assert "other.cfg against luigi.cfg:" in output
    assert "only luigi.cfg: 2026-11-12 12:00  messages_sent -100%" in output
    assert {path.stem for path in (folder / "ours").glob("*.txt")} == {KEY, f"{KEY}-no_data", f"{KEY}-recovered"}
    # Nothing was sent or recorded.
    assert place.messages() == {}
    for table in ("incidents", "deliveries", "slot_checks"):
        assert place.warehouse.query(f"SELECT count() FROM {place.database}.{table}") == [(0,)]


def test_a_replay_of_days_without_slots_names_the_command_that_measures_them(
    place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["replay", "--from", str(TODAY), "--path", str(tmp_path / "replayed")]
    with place.at(TOMORROW):
        tables.open_warehouse()
        assert main(arguments) == 1
    assert capsys.readouterr().err == (
        "feedpulse replay: a replay writes nothing, and slots from 2026-11-04 to 2026-11-12 are not measured: "
        "`feedpulse run SlotHistory --date 2026-11-13 --alerts-history-days 9` measures them.\n"
    )
    assert place.warehouse.query(f"SELECT count() FROM {place.database}.slot_metrics") == [(0,)]
    place.alerts = {"history_days": "9"}
    place.run(SlotHistory(date=TOMORROW.date()), TOMORROW)
    place.alerts = {}
    with place.at(TOMORROW):
        assert main(arguments) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--from", "2026-11-13"], "is after --to"),
        (["--from", "2026-11-12", "--to", "2026-11-20"], "is not over yet"),
        (["--from", "2026-11-12", "--against", "no.cfg"], "no.cfg: no such file"),
    ],
)
def test_a_wrong_replay_is_refused_in_a_line(
    place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    measure(place)
    with place.at(TOMORROW):
        assert main(["replay", *arguments, "--path", str(tmp_path / "replayed")]) == 1
    assert problem in capsys.readouterr().err


def test_the_week_is_summed_up_once(place: Site) -> None:
    place.alert(OUTAGE + SLOT, BACK + 4 * SLOT)
    place.warehouse.insert(
        f"{place.database}.incident_actions",
        {
            "incident_id": ["messages_sent:2026-11-12T0900"],
            "action": ["acknowledge"],
            "person": ["Anna"],
            "at": [BACK],
            "channel": ["telegram"],
            "update_number": [1],
        },
    )
    for _ in range(2):
        place.run(Weekly(), TOMORROW)
    text = place.messages()["weekly_summary-2026-11-12"]
    assert "1 incident, " in text
    assert "6 Nov" in text
    assert "12 Nov" in text


@pytest.mark.long
def test_false_alarms_lead_to_a_setting_with_its_replayed_effect(
    embedded_warehouse: EmbeddedEngine, tmp_path: Path
) -> None:
    with site(embedded_warehouse, tmp_path) as place:
        place.load(incident("messages", -0.45))
        place.alerts = {"slice_volume": "1000", "propose_after": "1", "metrics": "messages_sent"}
        place.alert(OUTAGE + SLOT, BACK + 4 * SLOT)
        (state,) = place.incidents()
        place.warehouse.insert(
            f"{place.database}.incident_actions",
            {
                "incident_id": [state["incident_id"]],
                "action": ["false_alarm"],
                "person": ["Anna"],
                "at": [BACK],
                "channel": ["telegram"],
                "update_number": [1],
            },
        )
        place.run(Weekly(), TOMORROW)
        text = place.messages()["weekly_summary-2026-11-12"]
    assert "Messages sent 1" in text  # the false alarms, by metric
    proposed = re.search(r"\[metric.messages_sent\] detector_params = (\{.*\})", text)
    assert proposed is not None, text
    parameters = json.loads(proposed[1])
    assert parameters["min_days"] == 7
    assert 0.5 <= parameters["sensitivity"] < 1
    # The proposal is right: with it, the message would not have been sent.
    with site(embedded_warehouse, tmp_path / "again") as place:
        place.load(incident("messages", -0.45))
        place.alerts = {"slice_volume": "1000", "metrics": "messages_sent", "detector_params": proposed[1]}
        place.alert(OUTAGE + SLOT, BACK + 4 * SLOT)
        assert place.messages() == {}
