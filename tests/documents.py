"""The documents that people read, and the commands in them, extracted from their text."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("README*.md")), ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
"""The text of each document, by its path."""
EVERYTHING = "\n".join(DOCUMENTS.values())
"""The text of all documents."""

_BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_MENTION = re.compile(r"(?:\S*feedpulse|python -m) ([-\w.]+)")
_FIVE_FIELDS = re.compile(r"(?:\S+\s+){5}")


def script(name: str) -> ModuleType:
    """A script of ``docs/``, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Command(NamedTuple):
    """A program and its arguments: ``feedpulse``, or the module of ``python -m``."""

    program: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join([self.program, *self.arguments])


def blocks(language: str, text: str = EVERYTHING) -> list[str]:
    """The fenced blocks of a language, of all documents or another text."""
    return [body for _, found, body in _BLOCK.findall(text) if found == language]


def prose(text: str) -> str:
    """A text without its fenced blocks."""
    return _BLOCK.sub("", text)


def section(document: str, heading: str) -> str:
    """A section of a document of docs/."""
    return DOCUMENTS[f"docs/{document}"].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def crontab() -> list[str]:
    """The command of each line of every crontab, once."""
    lines = [line.strip() for block in blocks("crontab") for line in block.splitlines()]
    return list(dict.fromkeys(_FIVE_FIELDS.sub("", line, count=1) for line in lines if line and line[0] != "#"))


def commands(text: str = EVERYTHING) -> list[Command]:
    """Each `feedpulse` and `python -m` of shell blocks, crontabs and the text, once."""
    shell = [line for block in blocks("sh", text) for line in block.replace("\\\n", " ").splitlines()]
    whole = [span for span in spans(text) if not _MENTION.fullmatch(span)]
    return list(dict.fromkeys(found for line in [*shell, *crontab(), *whole] for found in in_line(line)))


def mentions(text: str = EVERYTHING) -> set[str]:
    """Return the commands and modules that the text only names, such as `feedpulse mute`."""
    return {found[1] for span in spans(text) if (found := _MENTION.fullmatch(span))}


def spans(text: str) -> list[str]:
    """What a text has between backticks, without its fenced blocks."""
    return _SPAN.findall(prose(text))


def in_line(line: str) -> Iterator[Command]:
    """The commands of a line of shell."""
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
