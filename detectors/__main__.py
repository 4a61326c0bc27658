"""``python -m detectors list | score | compare | tune``: the detectors on CSV files."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields

from detectors import Detector, DetectorError, available, find
from detectors.errors import missing_library
from detectors.lab import cli as lab
from detectors.lab import score
from detectors.lab.parallel import silence_libraries


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        Exit code: 0; 1 if the lab has no answer; 2 for invalid input, with one line on stderr.
    """
    options = parser().parse_args(arguments)
    silence_libraries()
    code = 0
    try:
        if options.command == "list":
            for name in available():
                print(_describe(find(name)))
        elif options.command == "score":
            score.run(options)
        else:
            code = lab.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # for example `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (DetectorError, OSError, ModuleNotFoundError) as error:
        known = missing_library(error) or error
        if isinstance(known, ModuleNotFoundError):
            raise
        print(f"detectors: {' '.join(str(known).split())}", file=sys.stderr)
        return 2
    return code


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = argparse.ArgumentParser(prog="python -m detectors", description="Anomaly detectors on CSV files.")
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list each method, its parameters and when to use it")
    score.add_command(commands)
    lab.add_commands(commands)
    return made


def _describe(method: type[Detector]) -> str:
    parameters = ", ".join(f"{field.name}={json.dumps(field.default)}" for field in fields(method))
    rates = "" if method.rates() == "any rate" else f"; for {method.rates()}"
    return f"{method.name}({parameters}): {method.summary}{rates}"


if __name__ == "__main__":
    sys.exit(main())
