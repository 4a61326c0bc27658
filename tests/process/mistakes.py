"""Checks of the output of a command after a user's mistake."""

import re
from pathlib import Path

from tests.process.project import Finished

TASK_FAILED, NOT_SCHEDULED, WRONG_COMMAND_LINE = 30, 35, 40


def below_a_file(directory: Path) -> Path:
    """A path that no user can create, not even root."""
    (directory / "file").touch()
    return directory / "file" / "below"


def assert_one_error(finished: Finished, code: int, *words: str) -> None:
    """Check that a command failed with exactly one paragraph that contains the words, and no traceback."""
    assert finished.code == code, finished.log
    assert "Traceback" not in finished.log, finished.log
    matching = [paragraph for paragraph in paragraphs(finished.errors) if all(word in paragraph for word in words)]
    assert len(matching) == 1, finished.log
    assert len(matching[0].splitlines()) <= 3, matching  # Luigi's line about the task, then one or two lines of ours


def paragraphs(log: str) -> list[str]:
    """Split a log into its records; a record begins with its time."""
    entries: list[str] = []
    for line in log.splitlines():
        if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} ", line) or not entries:
            entries.append(line)
        else:
            entries[-1] += f"\n{line}"
    return entries
