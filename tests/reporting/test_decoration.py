"""What decorates a message never stops it: the mechanism."""

import logging
import re
from functools import partial

import pytest

from pipeline.core.errors import TerminalError
from reporting.decoration import optional, recorded
from reporting.errors import ReportingError
from reporting.formatting import value


def refused(error: Exception) -> str:
    raise error


def test_a_decoration_that_works_is_returned_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    with recorded() as left_out:
        assert optional("picture of x", lambda: b"PNG") == b"PNG"
    assert left_out == []
    assert caplog.text == ""


@pytest.mark.parametrize(
    "error",
    [
        TerminalError("warehouse:9000: Unknown identifier: city (code 47)\nSay so.", 47),
        ReportingError("picture: too\nlarge"),
    ],
)
def test_an_error_that_people_can_read_is_one_line(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert optional("cause of views:2026-11-12T0900", lambda: refused(error)) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"left out: cause of views:2026-11-12T0900: {str(error).replace(chr(10), ' ')}"
    assert record.exc_info is None


def test_another_error_is_said_with_its_type_and_the_place_in_the_code_of_the_decoration(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The library of the numbers fails; the place is the line of this file that called it.
    optional("losses of x", lambda: value("count", "many", None))  # type: ignore[arg-type]
    (record,) = caplog.records
    assert re.fullmatch(
        r"left out: losses of x: TypeError: .* \(tests\.reporting\.test_decoration:\d+\)", record.msg % record.args
    )
    assert record.exc_info is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_end_of_the_process_is_no_failure(error: type[BaseException]) -> None:
    def end() -> None:
        raise error

    with pytest.raises(error):
        optional("picture of x", end)


def test_what_was_left_out_is_collected_once_and_only_inside() -> None:
    optional("links of x", lambda: 1 / 0)
    with recorded() as outer:
        optional("cause of x", lambda: 1 / 0)
        with recorded() as inner:
            optional("picture of x", lambda: 1 / 0)
            optional("picture of x", lambda: 1 / 0)
    optional("links of x", lambda: 1 / 0)
    assert inner == ["without picture of x"]
    assert outer == ["without cause of x", "without picture of x"]


def test_a_failure_without_a_frame_of_python_stops_nothing_either(caplog: pytest.LogCaptureFixture) -> None:
    assert optional("number", partial(int, "no number")) is None
    assert [record.getMessage() for record in caplog.records] == [
        "left out: number: ValueError: invalid literal for int() with base 10: 'no number' (reporting.decoration)"
    ]
