"""``feedpulse detectors``: the library's own command, ``python -m detectors``."""

from collections.abc import Sequence

SUMMARY = "list detectors; score, compare and tune them on CSV files"


def main(arguments: Sequence[str]) -> int:
    """Pass all arguments on."""
    from detectors.__main__ import main as command

    return command(arguments)
