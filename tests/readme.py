"""The README's commands, extracted from its text."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_FIVE_FIELDS = re.compile(r"(?:\S+\s+){5}")


class Command(NamedTuple):
    """A program and its arguments: ``feedpulse``, or the module of ``python -m``."""

    program: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join([self.program, *self.arguments])


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks of a language, of the README or another text."""
    return [body for _, found, body in _BLOCK.findall(text) if found == language]


def section(document: str, heading: str) -> str:
    """A section of a document of docs/."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def crontab() -> list[str]:
    """The command of each line of every crontab."""
    lines = [line.strip() for block in blocks("crontab") for line in block.splitlines()]
    return [_FIVE_FIELDS.sub("", line, count=1) for line in lines if line and not line.startswith("#")]


def commands() -> list[Command]:
    """Each `feedpulse` and `python -m` of shell blocks, crontabs and the text, once."""
    shell = [line for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    spans = _SPAN.findall(_BLOCK.sub("", README))
    return list(dict.fromkeys(found for line in [*shell, *crontab(), *spans] for found in in_line(line)))


def in_line(line: str) -> Iterator[Command]:
    """The commands of a line of shell."""
    yield from _commands(line)


def _commands(line: str) -> Iterator[Command]:
    if not re.search(r"\bfeedpulse\s+[-a-z]|\bpython3?\s+-", line):
        return
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    simple: list[list[str]] = [[]]
    for word in reader:
        if set(word) <= set("&|;<>()"):
            simple.append([])
        else:
            simple[-1].append(word)
    for words in simple:
        for at, word in enumerate(words):
            name = word.rpartition("/")[2]
            if word in ("feedpulse", ".venv/bin/feedpulse"):
                yield Command(name, tuple(words[at + 1 :]))
                break
            if name in ("python", "python3") and words[at + 1 : at + 2] == ["-m"]:
                yield Command(words[at + 2], tuple(words[at + 3 :]))
                break
