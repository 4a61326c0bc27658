"""What "done" means: a marker row in ``table_updates``, with an explicit id and the raw rows that the load saw."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import luigi

from pipeline.tables import TABLE_UPDATES, full_name, warehouse
from pipeline.warehouse import statement


@dataclass(frozen=True)
class RawRows:
    """How many rows of the source tables a load saw."""

    feed: int = 0
    messages: int = 0


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
        return self.update_id in existing([self.update_id])

    def write(self, raw: RawRows | None = None) -> None:
        """Say that it is done."""
        seen = raw or RawRows()
        warehouse().insert(
            full_name(TABLE_UPDATES),
            {
                "update_id": [self.update_id],
                "target_table": [full_name(self.table)],
                "inserted": [datetime.now(UTC).replace(tzinfo=None, microsecond=0)],
                "done": [1],
                "feed_rows": [seen.feed],
                "message_rows": [seen.messages],
                "version": [time.time_ns()],
            },
        )


def existing(update_ids: Iterable[str]) -> set[str]:
    """Those of the markers that are there, in one query."""
    wanted = tuple(update_ids)
    if not wanted:
        return set()
    rows = warehouse().query(statement("read_markers", table=full_name(TABLE_UPDATES)), {"update_ids": wanted})
    return {update_id for (update_id,) in rows}
