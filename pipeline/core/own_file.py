"""Writes a configuration file: settings with their comments from the luigi.cfg that is in the package."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pipeline.core import files
from pipeline.core.errors import SettingsError
from reporting.files import replace

SHIPPED = Path(__file__).with_name("luigi.cfg")
"""Every setting with its default and its comment."""

Values: TypeAlias = Mapping[str, Mapping[str, str]]
"""Values by section and setting."""


class Setting(NamedTuple):
    """A setting as luigi.cfg has it."""

    default: str
    comment: tuple[str, ...]
    """The comment lines directly above it."""


def shipped() -> dict[tuple[str, str], Setting]:
    """Return every setting of luigi.cfg by section and name, in its order."""
    settings: dict[tuple[str, str], Setting] = {}
    section, comment = "", list[str]()
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[(.+)\]", line):
            section, comment = header[1], []
        elif line.startswith("#"):
            comment.append(line)
        else:
            if setting := re.fullmatch(r"(\w+) =\s*(.*)", line):
                settings[section, setting[1]] = Setting(setting[2], tuple(comment))
            comment = []
    return settings


def differing(values: Values, below: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Return the values that differ from what holds without them: the files `below`, else the default."""
    known = shipped()
    parsers = [files.parse(file) for file in below]

    def before(section: str, name: str) -> str:
        given = [parser.get(section, name) for parser in parsers if parser.has_option(section, name)]
        return given[-1].replace("%%", "%") if given else known[section, name].default

    return {
        section: kept
        for section, settings in values.items()
        if (kept := {name: value for name, value in settings.items() if value != before(section, name)})
    }


def render(values: Values, title: str) -> str:
    """Return the text of a file with these values, each below its comment, in the order of luigi.cfg.

    Parameters
    ----------
    values : mapping
        The values, as people write them; % is escaped here.
    title : str
        The first comment, one line.

    Raises
    ------
    SettingsError
        If a value has more than one line.
    """
    lines, section = [f"# {title}"], ""
    for (owner, name), setting in shipped().items():
        if name not in values.get(owner, {}):
            continue
        value = values[owner][name].strip()
        if len(value.splitlines()) > 1:
            raise SettingsError(f"[{owner}] {name} = {value!r}: a value is one line.")
        if owner != section:
            lines += ["", f"[{owner}]"]
            section = owner
        lines += [*setting.comment, f"{name} = {value}".rstrip().replace("%", "%%")]
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Replace a file as a whole: a reader sees the old content or the new one. Raises `OSError`."""
    replace(Path(os.path.realpath(path)), text.encode())
