"""The configuration files: finds them, and refuses what is wrong in them before Luigi reads them.

Luigi reads its files when it is imported, ignores one that it cannot open, and answers a mistake with a traceback. So
a command calls `check` before it imports Luigi. A setting comes from the first of these that has it:

1. ``--section-key value`` on the command line,
2. the user's own file: the one that LUIGI_CONFIG_PATH names, else ``feedpulse.cfg`` in the working directory,
3. Luigi's files: ``luigi.cfg`` in the working directory, then those in ``/etc/luigi``,
4. the default in the code, which the ``luigi.cfg`` of this project repeats.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Sequence
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    InterpolationError,
    MissingSectionHeaderError,
    ParsingError,
)
from pathlib import Path

from pipeline.core.errors import SettingsError

OWN_FILE = "feedpulse.cfg"
_LUIGIS_FILES = ("/etc/luigi/client.cfg", "/etc/luigi/luigi.cfg", "client.cfg", "luigi.cfg")

OUR_SECTIONS = (
    "clock",
    "warehouse",
    "source",
    "etl",
    "report",
    "alerts",
    "calendar",
    "outbox",
    "telegram",
    "delivery",
    "status",
)
"""The sections of feedpulse, besides [metric.NAME]."""
_LUIGIS_SECTIONS = ("core", "worker", "scheduler", "retcode")
_OTHERS_SECTIONS = ("cors", "resources", "DEFAULT")  # Luigi's, similar to one of the above

PATHS = {
    ("warehouse", "path"): "var/warehouse",
    ("warehouse", "ca_certs"): "",
    ("source", "path"): "",
    ("source", "ca_certs"): "",
    ("outbox", "path"): "var/outbox",
    ("delivery", "lock_path"): "var/locks",
    ("status", "path"): "",
}
"""The settings that are paths, with their defaults. A relative one belongs to the directory of the user's own file."""

TIME_FORMAT = "%Y-%m-%d %H:%M:%S%z"
"""The time of a line in the log: local time of the machine, as in its other logs, with the offset."""

REFUSED = 35
"""The exit code of `feedpulse run` and of `luigi` when the configuration is refused."""


def own() -> Path | None:
    """Return the absolute path of the user's own file, None if there is none; the file may be missing."""
    named = os.environ.get("LUIGI_CONFIG_PATH", "")
    if named or Path(OWN_FILE).exists():
        return Path(named or OWN_FILE).absolute()
    return None


def found() -> list[Path]:
    """Return the absolute paths of the files that are read; a later one overrides those before it."""
    files = [Path(name).absolute() for name in _LUIGIS_FILES if Path(name).exists()]
    mine = own()
    return [*(file for file in files if file != mine), *([mine] if mine else [])]


def print_refusal(program: str, error: SettingsError) -> None:
    """Print on stderr why a run is refused; in a log it is one line that begins with the time, as in `logs`."""
    if sys.stderr.isatty():
        print(f"{program}: {error}", file=sys.stderr)
    else:
        line = " ".join(str(error).split())
        print(f"{time.strftime(TIME_FORMAT)} ERROR: {program}: {line}", file=sys.stderr)


def identity() -> str:
    """Return a name of the configuration that is read: 16 characters that another configuration does not have."""
    names = "\n".join(map(str, found() or [Path.cwd()]))
    return hashlib.sha256(os.fsencode(names)).hexdigest()[:16]


def check(*, needed: bool = True) -> None:
    """Refuse files that cannot be read, that Luigi would misread, or that have a misspelt section.

    Parameters
    ----------
    needed : bool
        Whether to refuse a working directory without any file: cron may have started elsewhere.

    Raises
    ------
    SettingsError
        One line with the file, the section and the remedy.
    """
    if os.environ.get("LUIGI_CONFIG_PARSER", "cfg") == "toml":
        raise SettingsError("LUIGI_CONFIG_PARSER = toml: feedpulse reads .cfg files only; unset it.")
    files = found()
    if needed and not files:
        raise SettingsError(
            f"{Path.cwd()} has no {OWN_FILE} and no luigi.cfg: go to the directory that has it, name it in "
            f"LUIGI_CONFIG_PATH, or make one with `feedpulse init`.{_misnamed()}"
        )
    check_files(files)


def _misnamed() -> str:
    """Return what to rename: Windows hides the ending that an editor adds."""
    names = (f"{OWN_FILE}.txt", f"{OWN_FILE}.cfg", OWN_FILE.replace(".cfg", ".txt"))
    near = [name for name in names if Path(name).is_file()]
    return f" {near[0]} is there: rename it to {OWN_FILE}." if near else ""


def check_files(files: Sequence[Path]) -> None:
    """Refuse what `check` refuses in these files; a later one overrides those before it."""
    parsers = [(file, parse(file)) for file in files]
    for file, parser in parsers:
        for section in parser.sections():
            _require_known(file, section)
    _require_values(parsers)


def parse(file: Path) -> ConfigParser:
    """Parse a file strictly, without interpolation.

    Raises
    ------
    SettingsError
        If it is missing or malformed.
    """
    text = _read(file)
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case, as in Luigi
    try:
        parser.read_string(text)
    except DuplicateSectionError as error:
        raise SettingsError(
            f"{file} line {error.lineno}: the section [{error.section}] is there twice; make one of both."
        ) from None
    except DuplicateOptionError as error:
        raise SettingsError(
            f"{file} line {error.lineno}: [{error.section}] {error.option} is there twice; remove one."
        ) from None
    except ParsingError as error:
        line = error.lineno if isinstance(error, MissingSectionHeaderError) else error.errors[0][0]
        raise SettingsError(
            f"{file} line {line}{_section_of(text, line)}: not a [section], a `setting = value` or a # comment."
        ) from None
    return parser


def _read(file: Path) -> str:
    if not file.is_file():
        raise SettingsError(f"{file}: no such file; correct LUIGI_CONFIG_PATH.")
    if file.suffix == ".toml":
        raise SettingsError(f"{file}: feedpulse reads .cfg files only; write it like luigi.cfg.")
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror}); let this user read it.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: not UTF-8; save it as UTF-8.") from None
    if text.startswith("\ufeff"):
        raise SettingsError(f"{file}: begins with a byte order mark (BOM); save it as UTF-8 without BOM.")
    return text


def _section_of(text: str, line: int) -> str:
    headers = re.findall(r"^\[[^]\n]+\]", "\n".join(text.splitlines()[: line - 1]), re.MULTILINE)
    return f", in {headers[-1]}" if headers else ""


def _require_known(file: Path, section: str) -> None:
    """Refuse a section that looks like one of ours; others may belong to another program that uses Luigi."""
    known = OUR_SECTIONS + _LUIGIS_SECTIONS
    if section in known or section in _OTHERS_SECTIONS or section.startswith("metric."):
        return
    from difflib import get_close_matches  # not imported by every check

    metric = re.fullmatch(r"(?i)metrics?[\W_]+(\w+)", section)
    near = [f"metric.{metric[1]}"] if metric else get_close_matches(section.lower(), known, n=1, cutoff=0.8)
    if near:
        raise SettingsError(f"{file}: nothing reads the section [{section}]; did you mean [{near[0]}]?")


def _require_values(parsers: list[tuple[Path, ConfigParser]]) -> None:
    """Refuse a lone % and an unknown ${NAME} in the sections that we read."""
    merged = ConfigParser()
    merged.optionxform = str  # type: ignore[assignment,method-assign]
    merged.read([file for file, _ in parsers], encoding="utf-8")
    for file, parser in parsers:
        for section in parser.sections():
            if section not in OUR_SECTIONS + _LUIGIS_SECTIONS and not section.startswith("metric."):
                continue
            for option in parser.options(section):
                try:
                    value = merged.get(section, option)
                except InterpolationError:
                    raise SettingsError(f"{file} [{section}] {option}: write %% for %.") from None
                for name in re.findall(r"\$\{([^}]+)\}", value):
                    if name not in os.environ:
                        raise SettingsError(
                            f"{file} [{section}] {option}: the environment has no variable {name}; set it."
                        )
