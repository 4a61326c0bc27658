"""Errors in the log: one line for ours, in time that grows with the length of the text only."""

import logging
import time

import pytest

from pipeline.core.logs import ShortErrors

TRACEBACK = 'Traceback (most recent call last):\n  File "tasks.py", line 1, in run\n'


def shortened(text: str) -> str:
    record = logging.LogRecord("luigi-interface", logging.ERROR, "worker.py", 1, text, (), None)
    assert ShortErrors().filter(record)
    return record.getMessage()


def test_an_error_of_ours_is_one_line_and_any_other_keeps_its_traceback() -> None:
    ours = f"Will not run Daily()\n\n{TRACEBACK}pipeline.core.errors.SettingsError: [etl] start:\nnot a day\n"
    assert shortened(ours) == "Will not run Daily() [etl] start: not a day"
    caused = f"{TRACEBACK}KeyError: 'a'\n\nDuring handling ...\n\n{ours}"
    assert shortened(caused) == " [etl] start: not a day"
    other = f"Will not run Daily()\n{TRACEBACK}KeyError: 'pipeline.core.errors.SettingsError: '"
    assert shortened(other) == other


@pytest.mark.parametrize(
    "text",
    [
        f"x{' ' * 20_000}y {TRACEBACK}",
        f"x {TRACEBACK}pipeline.{'a' * 20_000}",
        f"x {TRACEBACK}pipeline.{'Error' * 4_000}",
        f"{TRACEBACK * 300}pipeline.aError",
    ],
)
def test_a_long_text_takes_no_time(text: str) -> None:
    began = time.process_time()
    shortened(text)
    assert time.process_time() - began < 0.5
