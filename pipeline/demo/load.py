"""Loads the demo's events and the list of its incidents into a warehouse, a day at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

from pipeline.core.errors import SourceError
from pipeline.demo.events import Columns, generate
from pipeline.demo.scenario import Scenario
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.statements import statement

INCIDENTS_TABLE = "incidents_truth"


@dataclass(frozen=True)
class LoadedCounts:
    """Number of rows written.

    Attributes
    ----------
    feed_actions, message_actions : int
        Events in each source table.
    """

    feed_actions: int
    message_actions: int


def create_tables(
    warehouse: Engine,
    database: str,
    feed_table: str = "feed_actions",
    message_table: str = "message_actions",
    recipient: str = "receiver_id",
) -> None:
    """Create the database, both source tables and `incidents_truth` where missing.

    Parameters
    ----------
    warehouse : Engine
        The engine.
    database, feed_table, message_table : str
        Their names.
    recipient : str
        Name of the recipient's column in `message_table`; real sources have `receiver_id` or `reciever_id`.

    Raises
    ------
    WarehouseError
        If the engine refuses or does not answer.
    """
    for sql in (
        statement("create_database", database=database),
        statement("demo_feed_actions", table=f"{database}.{feed_table}"),
        statement("demo_message_actions", table=f"{database}.{message_table}", recipient=recipient),
        statement("demo_incidents", table=f"{database}.{INCIDENTS_TABLE}"),
    ):
        warehouse.execute(sql, idempotent=True)


def load(
    warehouse: Engine,
    database: str,
    scenario: Scenario,
    progress: Callable[[int, int], None] = lambda done, days: None,
    *,
    feed_table: str = "feed_actions",
    message_table: str = "message_actions",
    recipient: str = "receiver_id",
) -> LoadedCounts:
    """Generate the events of `scenario` and insert them into the tables of `create_tables`, which must be empty.

    Parameters
    ----------
    warehouse, database, feed_table, message_table, recipient
        As in `create_tables`.
    scenario : Scenario
        What to generate.
    progress : callable
        Called after each day with the number of finished days and of all days.

    Raises
    ------
    SourceError
        If a table has rows: demo events must not mix with real ones.
    WarehouseError
        If the engine refuses or does not answer. Days that were loaded before stay.
    """
    feed, message, incidents = (f"{database}.{name}" for name in (feed_table, message_table, INCIDENTS_TABLE))
    for table in (feed, message, incidents):
        if warehouse.query(statement("count_rows", table=table))[0][0]:
            raise SourceError(f"{table} has rows already: demo events go into empty tables only; name another database")
    warehouse.insert(incidents, _truth(scenario))
    feed_rows = message_rows = 0
    for done, day in enumerate(generate(scenario), start=1):
        messages = dict(day.message_actions)
        messages[recipient] = messages.pop("receiver_id")
        warehouse.insert(feed, _with_moments(day.feed_actions))
        warehouse.insert(message, _with_moments(messages))
        feed_rows += day.feed_actions["time"].size
        message_rows += day.message_actions["time"].size
        progress(done, scenario.days)
    return LoadedCounts(feed_rows, message_rows)


def _with_moments(columns: Columns) -> Columns:
    return columns | {"time": columns["time"].astype("datetime64[s]")}


def _truth(scenario: Scenario) -> dict[str, list[object]]:
    """One row per incident and metric that it changes."""
    labels = [(incident, metric) for incident in scenario.incidents for metric in incident.metrics]
    return {
        "kind": [incident.kind for incident, _ in labels],
        "start_time": [incident.start.astimezone(UTC).replace(tzinfo=None) for incident, _ in labels],
        "end_time": [incident.end.astimezone(UTC).replace(tzinfo=None) for incident, _ in labels],
        "metric": [metric for _, metric in labels],
        "dimension": [incident.dimension for incident, _ in labels],
        "dimension_value": [incident.dimension_value for incident, _ in labels],
        "size": [incident.size for incident, _ in labels],
    }
