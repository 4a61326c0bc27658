"""SQL statements, one per file: `sql/NAME.sql` of the package that uses it, with ``{name}`` holes for identifiers.

Values do not fill holes: the engine binds them (``%(name)s``).
"""

import functools
import re
from pathlib import Path

from pipeline.core.errors import TerminalError
from pipeline.core.identifiers import IDENTIFIER, RULE

SQL_DIRECTORIES = tuple(
    Path(__file__).parents[1] / room / "sql"
    for room in ("warehouse", "etl", "slots", "alerts", "tasks", "demo", "commands")
)
"""Where statements are looked up; a name is unique over all of them."""

_QUALIFIED = re.compile(rf"{IDENTIFIER.pattern}(\.{IDENTIFIER.pattern})?")
_HOLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class Fragment(str):
    """A piece of SQL that our own code made, such as a list of expressions; it fills a hole unchecked."""


def check_identifier(text: str, *, qualified: bool = True) -> str:
    """Return `text` if it is a safe SQL identifier.

    Parameters
    ----------
    text : str
        A name of letters, digits and underscores.
    qualified : bool
        Whether ``database.table`` is also allowed.

    Raises
    ------
    TerminalError
        If it is not.
    """
    if not (_QUALIFIED if qualified else IDENTIFIER).fullmatch(text):
        raise TerminalError(f"{text[:100]!r} cannot be the name of a database, table or column: {RULE}")
    return text


def statement(name: str, /, **identifiers: str) -> str:
    """Return the statement `NAME.sql` with its holes filled.

    Parameters
    ----------
    name : str
        The file's name without ``.sql``.
    **identifiers : str
        The value of each ``{hole}``: an identifier, ``database.table``, or a `Fragment`.

    Returns
    -------
    str
        SQL without the comment lines at the top of the file; the engine binds ``%(name)s``.

    Raises
    ------
    TerminalError
        There is no such file, the holes and the arguments differ, or an identifier is unsafe.
    """
    text = template(name)
    holes = set(_HOLE.findall(text))
    if holes != set(identifiers):
        raise TerminalError(f"{name}.sql has the holes {sorted(holes)}, but was given {sorted(identifiers)}")
    filling = {
        hole: value if isinstance(value, Fragment) else check_identifier(value) for hole, value in identifiers.items()
    }
    return _HOLE.sub(lambda match: filling[match[1]], text)


@functools.cache
def template(name: str) -> str:
    """Return a statement as it is in its file, with unfilled holes and without the comments above it.

    Raises
    ------
    TerminalError
        There is no such file.
    """
    path = next((path for folder in SQL_DIRECTORIES if (path := folder / f"{name}.sql").is_file()), None)
    if path is None:
        raise TerminalError(
            f"there is no statement {name}.sql in {', '.join(folder.parent.name for folder in SQL_DIRECTORIES)}"
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("--")):
        del lines[0]
    return "\n".join(lines).strip()
