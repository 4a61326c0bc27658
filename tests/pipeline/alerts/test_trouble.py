"""Trouble around an incident: rows that arrive very late or in parts, failed sends, chats that are gone."""

import re
from datetime import UTC, datetime, timedelta

import luigi
import pytest

from pipeline.demo.scenario import LabelledIncident
from pipeline.tasks import Alerts, Presses
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, Site, incident
from tests.pipeline.alerts.test_life import KEY, chat, embedded
from tests.servers.bot_api import CHAT, BotApi, refused

__all__ = ["chat", "embedded"]

LATE = f"{KEY}-data_late"
KICKED = refused(403, "Forbidden: bot was kicked from the supergroup chat")
GONE = "-100777"
OTHER_CHAT = "@feed_news"


def outcomes(place: Site) -> list[str]:
    return [state["outcome"] for state in place.incidents()]


def failing(place: Site, root: luigi.Task, **moment: object) -> bool:
    """Return whether a run of a root task fails."""
    with place.at(**moment):  # type: ignore[arg-type]
        return not luigi.build([root], local_scheduler=True, log_level="CRITICAL")


def test_a_night_without_loading_is_corrected_when_its_rows_arrive(embedded: Site) -> None:
    place = embedded
    start, end = OUTAGE, OUTAGE + 12 * SLOT  # longer than the period in which slots with rows are recounted
    place.load(LabelledIncident("outage", start.replace(tzinfo=UTC), end.replace(tzinfo=UTC), "messages", -1.0))
    place.alert(start + SLOT, end - SLOT)
    place.arrive("message_actions", start, end)
    place.run(Alerts(), end)
    assert list(place.messages()) == [KEY, LATE, f"{KEY}-no_data"]
    assert "Data was late" in place.messages()[KEY]
    assert outcomes(place) == ["late data"]


def test_rows_that_arrive_in_parts_correct_the_alert_with_the_last_part(embedded: Site) -> None:
    place = embedded
    place.load(incident())
    place.alert(OUTAGE + SLOT, OUTAGE + 3 * SLOT)
    place.arrive("message_actions", OUTAGE, OUTAGE + 2 * SLOT)
    place.run(Alerts(), OUTAGE + 4 * SLOT)
    assert outcomes(place) == [""]
    place.arrive("message_actions", OUTAGE + 2 * SLOT, BACK)
    place.run(Alerts(), OUTAGE + 5 * SLOT)
    assert outcomes(place) == ["late data"]
    assert "Data was late" in place.messages()[KEY]


def test_rows_that_come_after_the_end_correct_the_message_by_an_edit(embedded: Site) -> None:
    place = embedded
    place.load(incident())
    place.alert(OUTAGE + SLOT, BACK + 4 * SLOT)
    assert outcomes(place) == ["recovered"]
    keys = list(place.messages())
    place.arrive("message_actions", OUTAGE, BACK)
    place.run(Alerts(), BACK + 5 * SLOT)
    assert outcomes(place) == ["late data"]
    assert list(place.messages()) == keys  # an edit, not a new message
    assert "Data was late" in place.messages()[KEY]
    assert "lost" not in place.messages()[KEY]


def test_one_late_slot_does_not_excuse_the_others(embedded: Site) -> None:
    place = embedded
    place.load(incident())
    place.alert(OUTAGE + SLOT, OUTAGE + 3 * SLOT)
    place.arrive("message_actions", OUTAGE, OUTAGE + SLOT)
    place.alert(OUTAGE + 4 * SLOT, BACK + 4 * SLOT)
    assert outcomes(place) == ["recovered"]


def test_what_late_rows_leave_of_an_incident_is_told_truly(embedded: Site) -> None:
    place = embedded
    place.load(incident())
    place.alert(OUTAGE + SLOT, OUTAGE + 3 * SLOT)
    assert "−100%" in place.messages()[KEY]
    place.arrive("message_actions", OUTAGE, BACK, incident("messages", -0.6))
    now = OUTAGE + 4 * SLOT
    place.run(Alerts(), now)
    agrees_with_its_slots(place)
    lines = place.messages()[KEY].split("\n")
    told = lines.index(f"data was late until {now.hour + 3}:{now.minute:02}, so this is corrected:")
    line = lines[told + 1]
    assert line.startswith("Messages sent: worst −")
    assert line.endswith("%, first told as −100%")
    while f"{KEY}-recovered" not in place.messages():
        now += SLOT
        assert now < BACK + 12 * SLOT
        place.run(Alerts(), now)
    lost = agrees_with_its_slots(place)
    closing = place.messages()[f"{KEY}-recovered"]
    assert f"\nlost: {lost:,} messages sent\n" in closing
    assert line in closing


def agrees_with_its_slots(place: Site) -> int:
    """Check that a total's numbers are those of its slots in `slot_checks`; return how much was lost."""
    (state,) = place.incidents()
    member = state["members"][0]
    assert (member["metric"], member["dimension"]) == ("messages_sent", "total")
    rows = place.warehouse.query(
        f"SELECT sum(value), sum(expected), min(value / expected) - 1, count() FROM {place.database}.slot_checks FINAL "
        f"WHERE metric = 'messages_sent' AND dimension = 'total' AND slot BETWEEN '{OUTAGE}' AND '{member['last']}' "
        "AND value < lower"
    )
    assert rows == [(member["observed"], *(pytest.approx(member[name]) for name in ("expected", "worst", "bad_slots")))]
    assert -0.9 < member["worst"] < -0.3
    return round(float(member["expected"]) - float(member["observed"]))


def test_a_closed_incident_tells_its_own_slots_whatever_happens_later(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    start, end = (OUTAGE.replace(hour=hour, tzinfo=UTC) for hour in (12, 13))
    place.load(incident(), LabelledIncident("again", start, end, "messages", -1.0))
    place.alert(OUTAGE + SLOT, BACK + 4 * SLOT)
    closed, _, reply = api.sent
    before, picture = closed.text, closed.photo
    assert re.search(r"^Messages sent: \d+, expected \d+ \(back to normal\)$", before, re.MULTILINE)
    assert before.split("\n")[-1] == reply.text.split("\n")[-1] == "Thursday, 12 November 2026, 12:00–13:00 (UTC+3)"
    place.alert(OUTAGE + 13 * SLOT, OUTAGE + 13 * SLOT)
    assert "Messages sent: 0, expected " in api.sent[3].text
    api.update(
        callback_query={
            "from": {"id": 5, "is_bot": False, "first_name": "Anna"},
            "message": {"message_id": closed.id, "date": 1, "chat": {"id": int(CHAT), "type": "supergroup"}},
            "chat_instance": "1",
            "data": "acknowledge|messages_sent:2026-11-12T0900",
        }
    )
    place.run(Presses(), OUTAGE + 13 * SLOT + timedelta(minutes=1))
    closed = api.sent[0]
    assert "acknowledged: Anna" in closed.text
    assert [line for line in closed.text.split("\n") if "Anna" not in line] == before.split("\n")
    assert closed.photo == picture
    # So does one whose rows came late.
    place.arrive("message_actions", OUTAGE, BACK)
    place.run(Alerts(), OUTAGE + 14 * SLOT)
    late = api.sent[0].text
    assert late.startswith("✅ Data was late: message_actions, 12:00 to 13:00")
    assert "Messages sent: 0" not in late
    assert "Messages sent: as usual, first told as −100%" in late


def test_a_few_late_rows_do_not_excuse_what_shows_in_half_an_hour_only(embedded: Site) -> None:
    place = embedded
    place.load(incident("messages", -0.42))
    place.alert(OUTAGE + SLOT, OUTAGE + 3 * SLOT)
    (state,) = place.incidents()
    (member, *_) = state["members"]
    scores = place.warehouse.query(
        f"SELECT value > lower FROM {place.database}.slot_checks FINAL WHERE metric = 'messages_sent' "
        f"AND dimension = 'total' AND slot = '{member['since']}'"
    )
    assert scores == [(1,)]  # the slot is within its band, the half hour is not
    since = datetime.fromisoformat(member["since"])
    place.arrive("message_actions", since, since + timedelta(seconds=20))
    place.run(Alerts(), OUTAGE + 4 * SLOT)
    assert outcomes(place) == [""]


def test_a_correction_that_could_not_be_sent_is_sent_by_the_next_run(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.load(incident())
    place.alert(OUTAGE + SLOT, OUTAGE + 3 * SLOT)
    place.arrive("message_actions", OUTAGE, BACK)
    api.answer_next(KICKED)
    assert failing(place, Alerts(), now=OUTAGE + 4 * SLOT)
    place.run(Alerts(), OUTAGE + 5 * SLOT)
    assert "Data was late" in api.sent[0].text
    assert outcomes(place) == ["late data"]


def test_a_chat_that_is_gone_costs_the_others_nothing(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.sections["telegram"] = {**place.sections["telegram"], "chats": f"{GONE}, {CHAT}"}
    place.load(incident())
    failed = []
    now = OUTAGE + SLOT
    while now <= BACK + 4 * SLOT:
        failed.append(failing(place, Alerts(), now=now))
        now += SLOT
    # A message, edits and two replies; each run that sends them to the other chat logs the refusal.
    assert [sent.reply_to for sent in api.sent] == [None, api.sent[0].id, api.sent[0].id]
    assert api.sent[0].edits == 4
    assert "recovered after" in api.sent[0].text
    assert failed == [True] * 4 + [False] * 4


def test_a_chat_that_refused_once_has_the_incident_a_slot_later(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.sections["telegram"] = {**place.sections["telegram"], "chats": f"{CHAT}, {OTHER_CHAT}"}
    api.chats.append(OTHER_CHAT)
    place.load(incident())
    api.answer_next(KICKED)
    assert failing(place, Alerts(), now=OUTAGE + SLOT)
    assert [sent.chat for sent in api.sent] == [OTHER_CHAT]
    place.run(Alerts(), OUTAGE + 2 * SLOT)
    assert [sent.chat for sent in api.sent] == [OTHER_CHAT, CHAT]


def test_a_press_before_the_newest_slot_is_measured_changes_no_number(chat: tuple[Site, BotApi]) -> None:
    place, api = chat
    place.load(incident())
    place.run(Alerts(), OUTAGE + SLOT)
    (sent,) = api.sent
    numbers = [line for line in sent.text.splitlines() if "expected" in line]
    assert numbers
    api.press(sent.id, sent.data("acknowledge"), first_name="Anna")
    place.run(Presses(), OUTAGE + 2 * SLOT + timedelta(minutes=1))
    assert "Anna" in api.sent[0].text
    assert [line for line in api.sent[0].text.splitlines() if "expected" in line] == numbers
