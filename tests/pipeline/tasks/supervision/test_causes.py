"""Why a run failed, from an exception or from the traceback that Luigi hands on."""

import traceback

import pytest

from pipeline.core.errors import RowsArrivedError, SettingsError, TerminalError, TransientError
from pipeline.tasks.supervision import causes
from pipeline.tasks.supervision.causes import Cause
from pipeline.warehouse.engines.base import NotReachedError
from reporting.errors import ChannelError, ChannelUnavailableError

CHAT = "telegram: chat -100123"


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (
            NotReachedError("h:9000: no ClickHouse server answers: refused.\nStart it."),
            "unreachable: h:9000",
            "h:9000: no ClickHouse server answers: refused. Start it.",
        ),
        (TransientError("h:9000: no answer for 300 s"), "unreachable: h:9000", "h:9000: no answer for 300 s"),
        (TerminalError("h: 61 of 60 (code 201)\nWait."), "TerminalError: 201", "h: 61 of 60 (code 201) Wait."),
        (SettingsError("[etl] start = 1: no day"), "SettingsError: [etl] start = #: no day", "[etl] start = 1: no day"),
        (RowsArrivedError("2026-11-01: rows"), "RowsArrivedError", "2026-11-01: rows"),
        (ChannelError(f"{CHAT} refused: gone (403)."), f"channel: {CHAT}", f"{CHAT} refused: gone (403)."),
        (
            ChannelUnavailableError(f"{CHAT} could not be reached: wait 3 s."),
            f"channel: {CHAT}",
            f"{CHAT} could not be reached: wait 3 s.",
        ),
    ],
)
def test_an_error_of_ours_is_one_line_and_its_kind_does_not_change(error: Exception, kind: str, text: str) -> None:
    assert causes.of_exception(error) == Cause(kind, text)
    try:
        try:
            raise KeyError("some cause")
        except KeyError:
            raise error from None
    except Exception:
        handed_on = f"Runtime error:\n{traceback.format_exc()}"
    assert causes.of_traceback(handed_on) == Cause(kind, text)


def test_the_text_of_an_unexpected_error_is_neither_told_nor_kept() -> None:
    try:
        raise ValueError("https://user:secret@host/123")
    except ValueError as error:
        expected = causes.of_exception(error)
        assert causes.of_traceback(traceback.format_exc()) == expected
    assert expected.text == "unexpected ValueError; the log has its traceback"
    assert "secret" not in expected.kind


def test_an_address_in_memory_does_not_change_the_kind() -> None:
    kinds = {causes.of_exception(TypeError(f"no len of <X at 0x7f{part}>")).kind for part in ("a0c1", "44", "ffe")}
    assert len(kinds) == 1
    assert causes.of_exception(TypeError("no len of Y")).kind not in kinds


def test_what_is_no_traceback_is_the_text() -> None:
    dead = causes.of_traceback("Task FeedUserDay_1 died unexpectedly with exit code -9")
    assert dead == Cause("Task FeedUserDay_# died unexpectedly with exit code -#", dead.text)


def test_a_long_cause_is_cut() -> None:
    assert len(causes.of_exception(SettingsError("x" * 5_000)).text) == causes.TEXT_LIMIT
