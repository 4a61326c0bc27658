"""``feedpulse doctor``: checks the whole set-up and names the first thing that is wrong, with its remedy."""

import argparse
from collections.abc import Sequence

from pipeline.commands.common import new_parser
from pipeline.core import files
from pipeline.core.errors import SettingsError

SUMMARY = "check the whole set-up; name the first thing that is wrong"


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = new_parser("doctor", f"{SUMMARY}, with its remedy; the exit code is then 1. Nothing is written or sent")
    made.add_argument("--write", action="store_true", help="also make and drop scratch tables in the warehouse")
    made.add_argument("--send", action="store_true", help="also send a test message to every channel")
    made.add_argument("--grants", action="store_true", help="only print the rights that the users need, as GRANTs")
    return made


def main(arguments: Sequence[str]) -> int:
    """Print a line for each check; 1 if one found something wrong."""
    options = parser().parse_args(arguments)
    from pipeline.commands.doctor import report

    try:
        files.check()  # first: the other checks import Luigi, which reads the files
    except SettingsError as error:
        return report.refuse(error)
    if options.grants:
        from pipeline.commands.doctor import grants

        return grants.print_grants()
    from pipeline.commands.doctor import groups

    return report.report(groups.chosen(write=options.write, send=options.send))
