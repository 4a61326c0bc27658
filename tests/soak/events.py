"""The two states of the source: before and after late rows arrived."""

from datetime import timedelta

from pipeline.demo.load import create_tables, load
from pipeline.demo.scenario import Scenario
from pipeline.warehouse.engines import Engine
from tests.process.project import TODAY, YESTERDAY, Project

BEFORE = "soak_before"
AFTER = "soak_after"

FIRST_DAY = TODAY - timedelta(days=3)
LATE_DAYS = (FIRST_DAY, YESTERDAY)

_SCENARIO = Scenario(
    first_day=FIRST_DAY - timedelta(days=1),  # attributes are also read from the day before
    days=4,
    users=200,
    views_per_day=1_500,
    messages_per_day=1_000,
    incidents=(),
)


def load_states(warehouse: Engine) -> None:
    """Create both states if missing; the rows of every fifth user on `LATE_DAYS` are late."""
    if (BEFORE,) in warehouse.query("SELECT name FROM system.databases"):
        return
    create_tables(warehouse, AFTER)
    load(warehouse, AFTER, _SCENARIO)
    days = ", ".join(f"toDate('{day}')" for day in LATE_DAYS)
    late = f"user_id % 5 = 0 AND toDate(time, 'Europe/Moscow') IN ({days})"
    warehouse.execute(f"CREATE DATABASE {BEFORE}")
    for table in ("feed_actions", "message_actions"):
        warehouse.execute(f"CREATE TABLE {BEFORE}.{table} AS {AFTER}.{table}")
        warehouse.execute(f"INSERT INTO {BEFORE}.{table} SELECT * FROM {AFTER}.{table} WHERE NOT ({late})")


def use(project: Project, database: str) -> None:
    """Make a project load all days from one of the two states."""
    project.configure(etl={"start": str(FIRST_DAY)})
    project.read_events_of(database)
