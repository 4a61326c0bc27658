"""Completion markers: rows of ``table_updates`` that record which loads are done and how many raw rows each one read.

A load is done when its marker says so. It calls `begin` before it reads anything and `finish` after it has published::

    token = markers.begin(task.output(), task.input())
    ...
    markers.finish(token, raw_rows)

`invalidate` makes a load run again. It also wins over a running load: `finish` has no effect if the load began before
the invalidation. Versions decide this, not clocks: after a fast clock was corrected, a day could never become done.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

import luigi

from pipeline.core import clock
from pipeline.core.errors import RowsArrivedError
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import TABLE_UPDATES, full_name, insert, is_missing, open_warehouse


@dataclass(frozen=True)
class RawRows:
    """Numbers of source rows that a load read."""

    feed: int = 0
    messages: int = 0


class Version(NamedTuple):
    """The version of a marker. Of two rows of one marker the greater version is valid."""

    invalidations: int = 0
    """How often the load was invalidated. Compared first: an invalidation beats every load that began before it."""
    loads: int = 0
    """How often the load finished."""

    @classmethod
    def decode(cls, number: int) -> Self:
        """Read the column ``version``."""
        return cls(*divmod(number, _LOADS))

    def encode(self) -> int:
        """Return the number that the column ``version`` holds."""
        return self.invalidations * _LOADS + self.loads


_LOADS = 2**20
"""``version`` is invalidations * 2**20 + loads."""


@dataclass(frozen=True)
class State:
    """The content of a marker."""

    done: bool
    """Whether the load is done; False after an invalidation."""
    raw: RawRows
    """The raw rows that the load read when it last finished."""
    version: Version

    @property
    def was_done(self) -> bool:
        """Whether the load ever finished, invalidated later or not."""
        return self.version.loads > 0


UNKNOWN = State(False, RawRows(), Version())
"""The content of a marker that was never written."""


class Marker(luigi.Target):
    """The Luigi target of a marked task.

    Parameters
    ----------
    update_id : str
        See `update_id`.
    table : str
        The table that the task fills.
    """

    def __init__(self, update_id: str, table: str) -> None:
        self.update_id = update_id
        self.table = table

    def exists(self) -> bool:
        """Whether the task is done."""
        return self.update_id in done([self.update_id])


class Token(NamedTuple):
    """A load that has begun."""

    marker: Marker
    version: Version
    """The marker's version when the load began."""


def update_id(name: str, *parts: object) -> str:
    """Return the id of a marker, such as ``daily_metrics:2026-11-01:v1``.

    Not Luigi's task id: that hashes every parameter, so a new parameter would make every past day incomplete.
    """
    return ":".join([name, *map(str, parts), "v1"])


def begin(marker: Marker, inputs: object = ()) -> Token:
    """Begin a load.

    Parameters
    ----------
    marker : Marker
        The load's own marker.
    inputs : Marker, or nested lists of them
        What the load reads, as Luigi's ``Task.input()`` returns it.

    Returns
    -------
    Token
        The argument of `finish`.

    Raises
    ------
    RowsArrivedError
        An input was invalidated after Luigi had checked it. One query reads the markers of the load and of its inputs:
        an input is invalidated together with this load, and a version read later would already count that.
    """
    input_ids = [item.update_id for item in luigi.task.flatten(inputs)]
    known = states([marker.update_id, *input_ids])
    if not all(item in known and known[item].done for item in input_ids):
        raise RowsArrivedError(f"{marker.update_id}: an input is about to be loaded again; the next run continues.")
    return Token(marker, _version(known, marker.update_id))


def finish(token: Token, raw: RawRows | None = None) -> None:
    """Mark a load as done, with the raw rows that it read; no effect if it was invalidated since it began."""
    finish_all([token], raw)


def finish_all(tokens: Sequence[Token], raw: RawRows | None = None) -> None:
    """Mark several loads as done, all or none of them; `finish` says what one is."""
    seen = raw or RawRows()
    versions = [token.version._replace(loads=token.version.loads + 1) for token in tokens]
    _write(
        {
            "update_id": [token.marker.update_id for token in tokens],
            "target_table": [full_name(token.marker.table) for token in tokens],
            "done": [1] * len(tokens),
            "feed_rows": [seen.feed] * len(tokens),
            "message_rows": [seen.messages] * len(tokens),
            "version": [version.encode() for version in versions],
        }
    )


def complete(marker: Marker) -> None:
    """Mark a task as done that is never invalidated."""
    finish(Token(marker, Version()))


def invalidate(update_ids: Iterable[str]) -> None:
    """Mark loads as not done, all at once. Includes running loads, because their inputs may be out of date.

    The markers keep the raw rows: other loads may still hold what these have read.
    """
    wanted = list(dict.fromkeys(update_ids))
    if not wanted:
        return
    known = states(wanted)
    versions = [_version(known, item) for item in wanted]
    raw = [known[item].raw if item in known else RawRows() for item in wanted]
    _write(
        {
            "update_id": wanted,
            "target_table": [""] * len(wanted),
            "done": [0] * len(wanted),
            "feed_rows": [rows.feed for rows in raw],
            "message_rows": [rows.messages for rows in raw],
            "version": [version._replace(invalidations=version.invalidations + 1).encode() for version in versions],
        }
    )


def done(update_ids: Iterable[str]) -> dict[str, State]:
    """Return the markers that are done, in one query."""
    return {item: state for item, state in states(update_ids).items() if state.done}


def states(update_ids: Iterable[str]) -> dict[str, State]:
    """Return the markers that were ever written, done or invalidated, in one query."""
    wanted = tuple(update_ids)
    if not wanted or is_missing(TABLE_UPDATES):
        return {}
    rows = open_warehouse().query(statement("read_markers", table=full_name(TABLE_UPDATES)), {"update_ids": wanted})
    return {
        item: State(bool(done), RawRows(feed, messages), Version.decode(version))
        for item, done, feed, messages, version in rows
    }


def done_after(moment: datetime) -> list[str]:
    """Return the ids of the markers that are done and were written after a moment, naive UTC, in one query."""
    sql = statement("future_markers", table_updates=full_name(TABLE_UPDATES))
    return [item for (item,) in open_warehouse().query(sql, {"moment": str(moment.replace(microsecond=0))})]


def known(name: str) -> list[str]:
    """Return the ids of all markers of one name, done or invalidated."""
    sql = statement("known_markers", table_updates=full_name(TABLE_UPDATES))
    return [item for (item,) in open_warehouse().query(sql, {"pattern": f"{name}:%:v1"})]


def _version(known: Mapping[str, State], item: str) -> Version:
    return known[item].version if item in known else Version()


def _write(columns: dict[str, list[Any]]) -> None:
    now = clock.system_time().replace(tzinfo=None, microsecond=0)
    insert(TABLE_UPDATES, {**columns, "inserted": [now] * len(columns["update_id"])})
