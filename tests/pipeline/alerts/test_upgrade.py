"""The warehouse of an early release under this one: everything runs, and its rows are kept."""

from datetime import datetime, timedelta
from pathlib import Path

from pipeline.alerts.incidents import store
from pipeline.core import clock
from pipeline.tasks import Daily, Weekly
from pipeline.warehouse.engines import Engine
from tests.pipeline.alerts.place import OUTAGE, SLOT, TODAY, Site, incident, site

EARLY = Path(__file__).parent / "early_release.sql"
EARLY_DAY, YESTERDAY = TODAY - timedelta(days=2), TODAY - timedelta(days=1)
EARLY_INCIDENT, NEW_INCIDENT = "messages_sent:2026-11-12T0700", "messages_sent:2026-11-12T0900"
USER = 999_999
"""A user with os and gender in the early release, who only received a message yesterday."""


def install_early(place: Site) -> None:
    """Create the tables and rows of the early release beside the source."""
    rows = []
    with place.at(OUTAGE):
        start, end = clock.day_bounds(EARLY_DAY)
    for table in ("feed_actions", "message_actions"):
        ((count,),) = place.warehouse.query(
            f"SELECT count() FROM {place.database}.{table} "
            f"WHERE time >= toDateTime('{start}', 'UTC') AND time < toDateTime('{end}', 'UTC')"
        )
        rows.append(str(count))
    text = EARLY.read_text(encoding="utf-8").replace("{database}", place.database)
    text = text.replace("{feed_rows}", rows[0]).replace("{message_rows}", rows[1])
    for sql in text.split(";"):
        if sql.strip():
            place.warehouse.execute(sql)


def message_to_user(place: Site) -> None:
    place.warehouse.execute(
        f"INSERT INTO {place.database}.message_actions (user_id, receiver_id, time, os) "
        f"SELECT 1, {USER}, toDateTime('{YESTERDAY} 12:00:00', 'UTC'), 'iOS'"
    )


def test_the_tables_of_an_early_release_still_work(warehouse: Engine, tmp_path: Path) -> None:
    with site(warehouse, tmp_path) as place:
        place.load(incident())
        message_to_user(place)
        install_early(place)
        place.sections["etl"] = {"start": str(EARLY_DAY), "attribute_days": "1"}

        place.run(Daily(), datetime(2026, 11, 12, 3))
        check_days(place)

        place.alert(OUTAGE, OUTAGE + SLOT)
        (text,) = place.messages().values()
        assert "No data in message_actions since 12:00" in text
        check_incidents(place)

        place.run(Weekly(), datetime(2026, 11, 13, 3))
        assert "\n1 incident, " in place.messages()["weekly_summary-2026-11-12"]


def check_days(place: Site) -> None:
    """Check that the early day is unchanged, and that yesterday uses the early release's attributes."""
    days = place.warehouse.query(
        f"SELECT event_date, count() FROM {place.database}.daily_metrics GROUP BY event_date ORDER BY event_date"
    )
    assert [day for day, _ in days] == [EARLY_DAY, YESTERDAY]
    assert days[0] == (EARLY_DAY, 1)
    assert place.warehouse.query(
        f"SELECT messages_received, os, gender, age FROM {place.database}.user_day WHERE user_id = {USER}"
    ) == [(1, "Plan 9", "1", "unknown")]
    sums = place.warehouse.query(
        f"SELECT dimension, sum(messages_received) FROM {place.database}.daily_metrics "
        f"WHERE event_date = '{YESTERDAY}' GROUP BY dimension"
    )
    assert {dimension for dimension, _ in sums} == {"os", "gender", "age"}
    assert len({total for _, total in sums}) == 1


def check_incidents(place: Site) -> None:
    """Check that the new incident has details and is open, and that the early one has ended."""
    rows = place.warehouse.query(
        f"SELECT DISTINCT incident_id, outcome, details = '' FROM {place.database}.incidents FINAL ORDER BY incident_id"
    )
    assert rows == [(EARLY_INCIDENT, "", 1), (NEW_INCIDENT, "", 0)]
    with place.at(OUTAGE + 2 * SLOT):
        known = store.load_incidents(OUTAGE + 2 * SLOT)
    assert [(incident.incident_id, incident.ended) for incident in known] == [(NEW_INCIDENT, False)]
