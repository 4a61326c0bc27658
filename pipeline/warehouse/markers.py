"""What "done" means: a marker row in ``table_updates``, with an explicit id and the raw rows that the load saw."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import luigi

from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import TABLE_UPDATES, full_name, open_warehouse


@dataclass(frozen=True)
class RawRows:
    """How many rows of the source tables a load saw."""

    feed: int = 0
    messages: int = 0


_FAR = 2**20
"""Beyond what loads can write that began before they are taken back, also while that reads what is known of them."""


@dataclass(frozen=True)
class State:
    """What a marker says."""

    done: bool
    """Whether the load is done; else it was taken back."""
    raw: RawRows
    """What its load saw."""
    version: int
    """Grows with each writing: by one where a load is done, by `_FAR` where it is taken back."""

    @property
    def was_done(self) -> bool:
        """Whether a load was ever done, taken back since or not."""
        return self.version % _FAR > 0


class Marker(luigi.Target):
    """A row of ``table_updates`` that says that something is done.

    Parameters
    ----------
    update_id : str
        For example ``daily_metrics:2026-11-01:v1``. It is explicit, because Luigi's task id hashes every parameter:
        adding one would make every past day incomplete.
    table : str
        The table whose rows it speaks of.
    """

    def __init__(self, update_id: str, table: str) -> None:
        self.update_id = update_id
        self.table = table

    def exists(self) -> bool:
        """Whether it is done."""
        return self.update_id in done([self.update_id])

    def write(self, raw: RawRows | None = None, *, began: int = 0) -> None:
        """Say that it is done.

        Parameters
        ----------
        raw : RawRows, optional
            What the load saw.
        began : int, optional
            Its version (see `states`) when the work began, for what may be taken back: if it was since, it is not done.
            No clock is asked: one that was ahead and is right again would leave a day that can never be done.
        """
        seen = raw or RawRows()
        _write(
            {
                "update_id": [self.update_id],
                "target_table": [full_name(self.table)],
                "done": [1],
                "feed_rows": [seen.feed],
                "message_rows": [seen.messages],
                "version": [began + 1],
            }
        )


def done(update_ids: Iterable[str]) -> dict[str, State]:
    """Those of the markers that are there, in one query."""
    return {update_id: state for update_id, state in states(update_ids).items() if state.done}


def states(update_ids: Iterable[str]) -> dict[str, State]:
    """Those of the markers that were ever written, done or taken back, in one query."""
    wanted = tuple(update_ids)
    if not wanted:
        return {}
    rows = open_warehouse().query(statement("read_markers", table=full_name(TABLE_UPDATES)), {"update_ids": wanted})
    return {
        update_id: State(bool(done), RawRows(feed, messages), version)
        for update_id, done, feed, messages, version in rows
    }


def invalidate(update_ids: Iterable[str]) -> None:
    """Say, all at once, that these are not done, whatever work on them has begun: what it read may be out of date."""
    wanted = list(dict.fromkeys(update_ids))
    if not wanted:
        return
    known = states(wanted)
    _write(
        {
            "update_id": wanted,
            "target_table": [""] * len(wanted),
            "done": [0] * len(wanted),
            "feed_rows": [0] * len(wanted),
            "message_rows": [0] * len(wanted),
            "version": [(known[update_id].version if update_id in known else 0) + _FAR for update_id in wanted],
        }
    )


def _write(columns: dict[str, list[Any]]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    open_warehouse().insert(full_name(TABLE_UPDATES), {**columns, "inserted": [now] * len(columns["update_id"])})
