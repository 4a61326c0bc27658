"""What is said of feedpulse itself, to whom and how often."""

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from pipeline.core import files
from pipeline.tasks.supervision import memory
from pipeline.tasks.supervision.notes import Notes
from reporting.channels.outbox.channel import Outbox
from reporting.errors import ChannelError
from reporting.message import Message
from reporting.texts.base import Texts
from tests.pipeline.configuration import configured

OUTBOXES = ("one", "other")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The directory of the memory and of an outbox, to which the alerts go."""
    with configured(
        alerts={"channels": "outbox"}, outbox={"path": str(tmp_path / "out")}, delivery={"lock_path": str(tmp_path)}
    ):
        yield tmp_path


def failed(words: Texts) -> str:
    """A headline."""
    return words.run_failed("Alerts")


def works(words: Texts) -> str:
    """The text when it works again."""
    return words.run_works("Alerts", 3)


def sent(folder: Path) -> list[str]:
    """The texts in the outbox, a reply with a mark, oldest first."""
    records = [json.loads(path.read_bytes()) for path in (folder / "out").glob("feedpulse*.json")]
    records.sort(key=lambda record: record["written_at"])
    return [("re: " if record["reply_to"] else "") + record["title"].removeprefix("feedpulse: ") for record in records]


def put(key: str, kind: str, patience: int = 1) -> None:
    """A run of a task fails for a kind of cause."""
    with memory.opened() as state:
        Notes(state, "Alerts").put(key, kind, lambda words: words.run_failed(key), patience=patience, group="run")


def lift(key: str, *, is_news: bool = True, has_sent: bool = False) -> None:
    """It works again."""
    with memory.opened() as state:
        Notes(state, "Alerts").lift(key, lambda words: words.run_works(key, 0), is_news=is_news, has_sent=has_sent)


def test_a_cause_is_said_once_until_it_changes_and_taken_back(folder: Path) -> None:
    for kind in ("away", "away", "password", "password"):
        put("Alerts", kind)
    assert sent(folder) == ["Alerts failed", "Alerts failed"]
    lift("Alerts")
    lift("Alerts")
    assert sent(folder)[2:] == ["re: Alerts works again"]
    put("Alerts", "away")
    assert sent(folder)[3:] == ["Alerts failed"]


def test_causes_that_alternate_are_said_once_each_until_it_works(folder: Path) -> None:
    for kind in ("memory", "time", "memory", "time", "memory"):
        put("Alerts", kind)
    assert sent(folder) == ["Alerts failed", "Alerts failed"]
    put("Morning", "time")  # the standing note is of the other cause
    assert sent(folder)[2:] == []
    lift("Morning", is_news=False)
    lift("Alerts")
    assert sent(folder)[2:] == ["re: Alerts works again"]
    put("Alerts", "time")
    assert sent(folder)[3:] == ["Alerts failed"]


def test_one_cause_of_several_tasks_is_said_once(folder: Path) -> None:
    put("Alerts", "away")
    put("Morning", "away")
    assert sent(folder) == ["Alerts failed"]
    lift("Morning", is_news=False)
    assert sent(folder) == ["Alerts failed"]
    put("Morning", "away")
    lift("Alerts")
    put("Morning", "away")  # nobody else says it now
    assert sent(folder)[1:] == ["re: Alerts works again", "Morning failed"]


def test_what_passes_by_itself_is_said_when_it_stays(folder: Path) -> None:
    for _ in range(2):
        put("Alerts", "rows arrived", patience=3)
    lift("Alerts")
    for _ in range(3):
        put("Alerts", "rows arrived", patience=3)
    assert sent(folder) == ["Alerts failed"]
    put("Alerts", "still running", patience=4)  # does not hide what was said
    lift("Alerts")
    assert sent(folder)[1:] == ["re: Alerts works again"]


def test_an_address_that_refuses_is_told_to_the_others_until_it_accepts(folder: Path) -> None:
    kind = f"channel: outbox: chat {folder / 'other'}"
    with configured(
        alerts={"channels": "outbox"},
        outbox={"path": str(folder / "out")},
        delivery={"lock_path": str(folder)},
    ):
        accepts = False

        def addresses(self: Outbox) -> list[str]:
            return [self.path, str(folder / "other")]

        whole = Outbox.send

        def send(self: Outbox, address: str, message: Message) -> str:
            if address != self.path and not accepts:
                raise ChannelError(f"outbox: {address} refused")
            return whole(self, address, message)

        with patch.object(Outbox, "addresses", addresses), patch.object(Outbox, "send", send):
            put("Alerts", kind)
            lift("Alerts")  # a run that sent nothing proves nothing
            assert sent(folder) == ["Alerts failed"]
            with patch("pipeline.tasks.supervision.notes.time.time", lambda: 1e11):
                lift("Alerts")  # asked again after an hour
                assert sent(folder) == ["Alerts failed"]
            accepts = True
            with patch("pipeline.tasks.supervision.notes.time.time", lambda: 2e11):
                lift("Alerts")
            assert sent(folder) == ["Alerts failed", "re: Alerts works again"]
            assert len(list((folder / "other").glob("feedpulse*.json"))) == 1
            accepts = False
            put("Alerts", kind)
            lift("Alerts", has_sent=True)
            assert sent(folder)[2:] == ["Alerts failed", "re: Alerts works again"]


def test_who_accepts_again_is_told_once_while_another_still_refuses(folder: Path) -> None:
    one, other, gone = (str(folder / name) for name in ("out", "other", "gone"))
    refusing, whole = {other, gone}, Outbox.send

    def send(self: Outbox, address: str, message: Message) -> str:
        if address in refusing:
            raise ChannelError(f"outbox: {address} refused")
        return whole(self, address, message)

    with patch.object(Outbox, "addresses", lambda _: [one, other, gone]), patch.object(Outbox, "send", send):
        put("Alerts", f"channel: outbox: chat {gone}")
        refusing.remove(other)
        for hour in range(3):
            with patch("pipeline.tasks.supervision.notes.time.time", lambda hour=hour: 1e11 + hour * 4_000):
                lift("Alerts")
        assert len(list((folder / "other").glob("feedpulse*.json"))) == 1
        assert sent(folder) == ["Alerts failed"]


def test_the_memory_survives_what_a_crash_leaves_and_a_full_disk(folder: Path) -> None:
    put("Alerts", "away")
    (path,) = folder.glob("supervision-*.json")
    assert path.stat().st_size == memory.SIZE_BYTES
    with memory.opened() as state:
        state["long"] = "x" * memory.SIZE_BYTES
    with patch.object(memory, "replace", side_effect=OSError(28, "No space left on device")) as full:
        with memory.opened() as state:
            del state["long"]  # in place: what is left of a longer content does not count
        put("Alerts", "password")
    assert full.call_count == 2
    put("Alerts", "password")
    assert sent(folder) == ["Alerts failed", "Alerts failed"]
    path.write_text('{"notes": {"Al')
    put("Alerts", "password")
    assert len(sent(folder)) == 3


def test_what_was_said_before_an_error_is_not_said_again(folder: Path) -> None:
    def fail() -> None:
        with memory.opened() as state:
            Notes(state, "Alerts").put("Alerts", "away", failed)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    put("Alerts", "away")
    assert sent(folder) == ["Alerts failed"]


def test_without_a_writable_directory_the_memory_is_in_that_of_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        configured(delivery={"lock_path": str(tmp_path / "file" / "below")}),
        patch("pipeline.tasks.supervision.memory.tempfile.gettempdir", lambda: str(tmp_path)),
    ):
        with memory.opened() as state:
            state["seen"] = 1
        with memory.opened() as state:
            assert state == {"seen": 1}
    assert files.identity() in str(next(tmp_path.glob("feedpulse-*/*.json")))


def test_another_language_and_one_that_does_not_exist(folder: Path) -> None:
    for language, title in (("ru", "сбой в Alerts"), ("xx", "Alerts failed")):
        with configured(
            report={"language": language}, outbox={"path": str(folder / language)}, delivery={"lock_path": str(folder)}
        ):
            with memory.opened() as state:
                Notes(state, "Alerts").put(language, "away", failed)
            (path,) = (folder / language).glob("*.txt")
            assert path.read_text(encoding="utf-8").strip() == f"feedpulse: {title}"
