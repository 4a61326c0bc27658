"""Write the pages of reference from what they describe: ``python docs/reference.py``.

docs/commands.md comes from the commands and their parsers, docs/settings.md from luigi.cfg.
"""

import argparse
import contextlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import detectors.__main__
from pipeline.commands.common import PROGRAM
from pipeline.commands.main import COMMANDS

DOCS = Path(__file__).parent
LUIGI_CFG = DOCS.parent / "luigi.cfg"
OPTIONS = "| option | what it does |\n| --- | --- |"


class Setting(NamedTuple):
    """One or more settings that stand under one comment."""

    section: str
    lines: tuple[str, ...]
    """Each as `name = default`."""
    sentence: str


def commands() -> str:
    """Return the page of commands."""
    parts = [
        "# Commands\n\n`.venv/bin/feedpulse COMMAND --help` says the same. [Exit codes](schedulers.md#exit-codes)\n"
    ]
    for name, module in COMMANDS.items():
        parts.append(f"\n## {name}\n\n{_sentence(module.SUMMARY)}\n")
        if name == "run":
            parts.append(f"\n```\n{_printed(module.main)}```\n")
        elif name == "detectors":
            parts.append(_of_detectors())
        else:
            parts.append(_table(_actions(module.parser())))
    return "".join(parts)


def settings() -> str:
    """Return the page of settings."""
    text = (
        "# Settings\n\nAll settings of [luigi.cfg](../luigi.cfg), with their defaults. Those that differ are in a file "
        "of your own:\n[Where settings live](setup.md#where-settings-live).\n"
    )
    section = ""
    for setting in read_settings():
        if setting.section != section:
            section = setting.section
            text += f"\n## [{section}]\n\n| setting and default | what it does |\n| --- | --- |\n"
        text += f"| {'<br>'.join(setting.lines)} | {_cell(setting.sentence)} |\n"
    return text


def read_settings() -> list[Setting]:
    """Read luigi.cfg: settings with the comment above them, also those that are in a comment as an example."""
    found: list[Setting] = []
    section, comment = "", list[str]()
    for line in LUIGI_CFG.read_text(encoding="utf-8").splitlines():
        header = re.fullmatch(r"(?:# )?\[([\w.]+)\]", line)
        setting = re.fullmatch(r"(?:# )?(\w+ =.*)", line)
        if header:
            section = header[1]
            comment = comment if line.startswith("#") else []
        elif setting and not (line.startswith("#") and " = START" in line):
            if comment or not found:
                found.append(Setting(section, (), " ".join(comment)))
                comment = []
            line = f"`{setting[1].strip()}`{' (example)' if line.startswith('#') else ''}"
            found[-1] = found[-1]._replace(lines=(*found[-1].lines, line))
        elif line.startswith("# ") and not line.startswith("# ----"):
            comment.append(line[2:])
        else:
            comment = []
    return found


def _of_detectors() -> str:
    actions = {
        name: _actions(parser)
        for action in detectors.__main__.parser()._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, parser in action.choices.items()
    }
    helps = {choice.dest: choice.help for choice in _choices(detectors.__main__.parser())}
    readers = [rows for rows in actions.values() if rows]
    shared = [row for row in readers[0] if all(row in rows for rows in readers)]
    text = ""
    for name, rows in actions.items():
        text += f"\n### detectors {name}\n\n{_sentence(helps[name] or '')}\n"
        text += _table([row for row in rows if row not in shared])
    text += "\n### How files are read\n\n`score`, `compare` and `tune` have these, too ([Files](detectors/files.md)).\n"
    return text + _table(shared)


def _choices(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    (action,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return action._choices_actions


def _actions(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """Return each option with its argument, and what it does."""
    return [(_option(action), _what(action)) for action in parser._actions if action.dest != "help"]


def _option(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"{action.metavar or action.dest}".upper()
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return action.option_strings[0] + value


def _what(action: argparse.Action) -> str:
    text = (action.help or "") % vars(action)
    return f"{text}; one of {', '.join(map(str, action.choices))}" if action.choices else text


def _table(rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    return f"\n{OPTIONS}\n" + "".join(f"| `{option}` | {_cell(what)} |\n" for option, what in rows)


def _cell(text: str) -> str:
    """Escape what would be markup, but not between backticks."""
    return re.sub(r"`[^`]*`|([|<*])", lambda found: f"\\{found[1]}" if found[1] else found[0], text)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _printed(main: Callable[[Sequence[str]], int]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(["--help"])
    return printed.getvalue()


def pages() -> Iterator[tuple[Path, str]]:
    """Return each page's file, and the text that it should have."""
    yield DOCS / "commands.md", commands()
    yield DOCS / "settings.md", settings()


if __name__ == "__main__":
    for path, text in pages():
        path.write_text(text, encoding="utf-8")
        print(f"{PROGRAM}: {path} is written.")
