"""Write a demo's events and the truth about its incidents into a warehouse, a day at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

from pipeline.core.errors import SourceError
from pipeline.demo.events import Columns, Scenario, generate
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.statements import statement

INCIDENTS_TABLE = "incidents_truth"


@dataclass(frozen=True)
class LoadedCounts:
    """Rows that were written.

    Attributes
    ----------
    feed_actions, message_actions : int
        Events of the two source tables.
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
    """Create, where missing, the database, both source tables and `incidents_truth`.

    Parameters
    ----------
    warehouse : Warehouse
        Where.
    database, feed_table, message_table : str
        Names.
    recipient : str
        The recipient's column in `message_table`: real sources say `receiver_id` or `reciever_id`.

    Raises
    ------
    WarehouseError
        When the engine refuses or does not answer.
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
    """Generate `scenario` and insert it into the tables of `create_tables`, which must be empty.

    Parameters
    ----------
    warehouse, database, feed_table, message_table, recipient
        As for `create_tables`.
    scenario : Scenario
        What to generate.
    progress : callable
        Called after each day with the number of days done and of all days.

    Raises
    ------
    SourceError
        When a table has rows already: made-up events never mix with anybody's own.
    WarehouseError
        When the engine refuses or does not answer. What was loaded so far stays.
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
    """One row for each incident and metric that it moves."""
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
