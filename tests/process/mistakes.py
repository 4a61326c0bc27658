"""The rules that every answer to a mistake keeps."""

from pathlib import Path

from tests.process.project import Finished

TASK_FAILED, NOT_SCHEDULED, WRONG_COMMAND_LINE = 30, 35, 40


def below_a_file(directory: Path) -> Path:
    """A path that nobody can make, not even root."""
    (directory / "file").touch()
    return directory / "file" / "below"


def assert_told(finished: Finished, code: int, *words: str) -> None:
    """Check that a command failed with one paragraph that has the words, once, and no traceback."""
    assert finished.code == code, finished.log
    assert "Traceback" not in finished.log, finished.log
    told = [paragraph for paragraph in paragraphs(finished.errors) if all(word in paragraph for word in words)]
    assert len(told) == 1, finished.log
    assert len(told[0].splitlines()) <= 3, told  # Luigi's line about the task, then one or two of ours


def paragraphs(log: str) -> list[str]:
    """Split a log into its records: those of Luigi begin with a level."""
    found: list[str] = []
    for line in log.splitlines():
        if line.startswith(("DEBUG:", "INFO:", "WARNING:", "ERROR:")) or not found:
            found.append(line)
        else:
            found[-1] += f"\n{line}"
    return found
