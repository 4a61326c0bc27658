"""`feedpulse report`: a report on trial, which changes nothing, and one that is sent again on purpose."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.commands.main import main
from pipeline.tasks import Morning
from pipeline.warehouse.engines import EmbeddedEngine
from tests.pipeline.etl.stories import at, seen
from tests.pipeline.reference import Event
from tests.pipeline.tasks.mornings import MONDAY, SUNDAY, Mornings, aware, mornings
from tests.servers.bot_api import CHAT, TOKEN, BotApi, refused

KEY = f"daily_report-{SUNDAY}"
ME = "42"
SEVEN = aware(MONDAY, 7)
HOUR = timedelta(hours=1)


def views(first: int, last: int) -> list[Event]:
    return [seen(user, at(SUNDAY, 12), "view") for user in range(first, last + 1)]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", TOKEN)
    with BotApi(chats=(CHAT, ME)) as server:
        yield server


@pytest.fixture
def place(
    embedded_warehouse: EmbeddedEngine, tmp_path: Path, api: BotApi, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mornings]:
    (tmp_path / "feedpulse.cfg").touch()
    monkeypatch.chdir(tmp_path)
    with mornings(embedded_warehouse, tmp_path) as made:
        made.sections["report"] = {"channels": "outbox,telegram"}
        made.sections["telegram"] = {"chats": CHAT, "api_url": api.url}
        made.arrive(views(1, 4))
        yield made


def report(place: Mornings, *arguments: str, hours: int = 1) -> int:
    with place.at(SEVEN + hours * HOUR):
        return main(["report", *arguments])


def everything(place: Mornings) -> dict[str, list[str]]:
    """All rows of all tables of the results."""
    tables = place.warehouse.query(f"SELECT name FROM system.tables WHERE database = '{place.results}' ORDER BY name")
    return {
        name: sorted(map(repr, place.warehouse.query(f"SELECT * FROM {place.results}.{name}"))) for (name,) in tables
    }


def test_a_test_goes_to_one_address_and_changes_nothing(
    place: Mornings, api: BotApi, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run(Morning(), SEVEN)
    before, (first,) = everything(place), api.sent
    assert report(place, "--test", f"telegram:{ME}", "--date", str(SUNDAY)) == 0
    sent = api.sent[1]
    assert (sent.chat, sent.text) == (ME, f"Test report: sent here only\n{first.text}")
    assert sent.photo is not None
    assert report(place, "--test") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("file://")
    assert "Test report" in (place.folder / "var" / "test" / f"{KEY}-test.txt").read_text(encoding="utf-8")
    assert (everything(place), api.sent, place.messages()) == (before, [first, sent], [KEY])


def test_a_report_is_sent_again_on_purpose_and_both_copies_are_corrected(
    place: Mornings, api: BotApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(place, "--again") == 1
    assert "is not loaded" in capsys.readouterr().err
    place.run(Morning(), SEVEN)
    place.run(Morning(), SEVEN + HOUR)
    assert len(api.sent) == 1
    assert report(place, "--again") == 0
    assert capsys.readouterr().out == f"sent again to outbox:{place.folder / 'outbox'}, telegram:{CHAT}\n"
    assert [message.text for message in api.sent] == [api.sent[0].text] * 2
    place.arrive(views(5, 6))
    for hours in (2, 3):
        place.run(Morning(), SEVEN + hours * HOUR)
    assert [("DAU 4 → 6" in message.text, message.edits) for message in api.sent] == [(True, 1)] * 2
    # What is sent again now says that it was corrected, and is not edited for that.
    assert report(place, "--again", hours=4) == 0
    place.run(Morning(), SEVEN + 5 * HOUR)
    assert [("DAU 4 → 6" in message.text, message.edits) for message in api.sent] == [(True, 1)] * 2 + [(True, 0)]


@pytest.mark.long
def test_what_cannot_be_sent_is_said(place: Mornings, api: BotApi, capsys: pytest.CaptureFixture[str]) -> None:
    place.run(Morning(), SEVEN)
    assert report(place, "--test", "telegram") == 1
    assert "give a channel and an address, such as telegram:123456789" in capsys.readouterr().err
    api.answer_next(*[refused(403, "Forbidden: bot was kicked from the supergroup chat")] * 2)
    assert report(place, "--again") == 1
    assert "refused: telegram: chat -1001234567890 refused: Forbidden" in capsys.readouterr().out
    with pytest.raises(SystemExit) as wrong:
        report(place)
    assert wrong.value.code == 2


@pytest.mark.long
def test_a_report_that_was_not_sent_is_not_sent_again(place: Mornings, capsys: pytest.CaptureFixture[str]) -> None:
    place.sections["report"] = {"channels": "outbox"}
    place.run(Morning(), SEVEN)
    place.sections["report"] = {"channels": "telegram"}
    assert report(place, "--again") == 1
    assert f"was not sent yet: send it with `feedpulse run DailyReport --date {SUNDAY} " in capsys.readouterr().err
