"""Runs the checks of the doctor in order and prints what they find."""

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from pipeline.core.errors import is_ours
from reporting.channels.base import Finding

Check: TypeAlias = Callable[[], Iterator[Finding]]

WIDTH = 120
_NAMES = {"ok": "ok", "note": "note", "wrong": "WRONG"}
_INDENT = " " * 6


def ok(text: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding("ok", text)


def note(text: str, remedy: str = "") -> Finding:
    """Return a finding that is worth knowing."""
    return Finding("note", text, remedy)


def wrong(text: str, remedy: str) -> Finding:
    """Return a finding that must be corrected."""
    return Finding("wrong", text, remedy)


def of_error(error: BaseException, about: str = "") -> Finding:
    """Return the finding of an error: its first line, and the remedy on the others."""
    text, _, remedy = str(error).partition("\n")
    return wrong(f"{about}{text}", remedy)


def report(checks: Iterable[Check]) -> int:
    """Print the findings of the checks until one is wrong.

    Returns
    -------
    int
        1 if something is wrong, else 0.
    """
    from pipeline.core import logs

    notes = 0
    with logs.collected() as warnings:
        for finding in _findings(checks):
            while warnings:
                _show(note(warnings.pop(0)))
                notes += 1
            _show(finding)
            notes += finding.level == "note"
            if finding.level == "wrong":
                return _stop()
    print(f"\nAll is well{f', with {notes} notes' if notes > 1 else ', with a note' if notes else ''}.")
    return 0


def refuse(error: BaseException) -> int:
    """Print an error as the first and only finding; return 1."""
    _show(of_error(error))
    return _stop()


def _stop() -> int:
    print("\nCorrect this, then run `feedpulse doctor` again: what comes after it is not checked yet.")
    return 1


def _findings(checks: Iterable[Check]) -> Iterator[Finding]:
    for check in checks:
        try:
            yield from check()
        except Exception as error:
            if not (is_ours(error) or isinstance(error, OSError)):
                raise
            yield of_error(error)


def _show(finding: Finding) -> None:
    for line in _wrapped(finding.text, f"{_NAMES[finding.level]:<{len(_INDENT)}}"):
        print(line, flush=True)
    for part in finding.remedy.splitlines():
        for line in _wrapped(part, _INDENT):
            print(line)


def _wrapped(text: str, first: str) -> list[str]:
    return [
        line
        for number, part in enumerate(text.splitlines())
        for line in textwrap.wrap(
            part,
            WIDTH,
            initial_indent=_INDENT if number else first,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
