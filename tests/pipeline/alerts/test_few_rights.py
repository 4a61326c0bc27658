"""A day and an incident by a user of 26.9 who has the rights that every run needs, and no other.

tests/test_servers.py has those of 18.16.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import luigi
import pytest

from pipeline.commands.doctor import rights as doctor
from pipeline.core.errors import TerminalError
from pipeline.tasks import DailyMetrics, StagingRetention
from pipeline.tasks.etl import invalidate, load_chain
from pipeline.warehouse import rights
from pipeline.warehouse.engines import EmbeddedEngine
from pipeline.warehouse.rights import Grant
from tests.conftest import end_owner
from tests.pipeline.alerts.few_rights import YESTERDAY, check, play, record
from tests.pipeline.alerts.place import BACK, OUTAGE, Site, incident
from tests.pipeline.etl.running import place

EVENTS = "simulator_20261112"
RESULTS = "test"


@pytest.mark.long
def test_a_writer_without_alter_delete_on_a_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The access control is that of 26.9: chDB reads the users of a config.xml in its directory."""
    engine = EmbeddedEngine(str(tmp_path / "warehouse"))
    site = Site(engine, EVENTS, tmp_path, {"recovery_slots": "1"})
    site.sections["warehouse"] = {**place(engine), "database": RESULTS}
    site.sections["source"] = {"database": EVENTS}
    site.load(incident())
    engine.execute(f"CREATE DATABASE {RESULTS}")
    reading = rights.reader(f"{EVENTS}.{table}" for table in ("feed_actions", "message_actions"))
    every = [*reading, *rights.writer(RESULTS)]
    grants = [grant for grant in every if not grant.optional]
    give(engine, grants)
    statements = record(monkeypatch)
    try:
        play(site)
        check(statements, "default", every)
        site.run(StagingRetention(date=YESTERDAY), OUTAGE + timedelta(days=1))

        # The same rows again are no failure; other rows are, and the error has the GRANT.
        reload(site)
        site.run(DailyMetrics(date=YESTERDAY), BACK)
        give(engine, [Grant(("ALL",), "*.*")])
        of_yesterday = f"toDate(time, 'Europe/Moscow') = '{YESTERDAY}'"
        extra = f"SELECT * FROM {EVENTS}.feed_actions WHERE {of_yesterday} LIMIT 1"
        engine.execute(f"INSERT INTO {EVENTS}.feed_actions {extra}")
        give(engine, grants)
        reload(site)
        with site.at(BACK):
            assert not luigi.build([DailyMetrics(date=YESTERDAY)], local_scheduler=True, log_level="WARNING")
        assert f"GRANT ALTER DELETE ON {RESULTS}.feed_user_day TO default;" in caplog.text
        give(engine, [*grants, Grant((rights.DELETE,), f"{RESULTS}.*")])
        site.run(DailyMetrics(date=YESTERDAY), BACK)
        ((published,),) = engine.query(
            f"SELECT sum(views + likes) FROM {RESULTS}.daily_metrics "
            f"WHERE dimension = 'os' AND event_date = '{YESTERDAY}'"
        )
        ((events,),) = engine.query(f"SELECT count() FROM {EVENTS}.feed_actions WHERE {of_yesterday}")
        assert published == events
    finally:
        end_owner(engine)


@pytest.mark.long
def test_a_writer_with_rights_on_our_own_names_only(tmp_path: Path) -> None:
    """GRANT ON test.anna_* gives the rights on all tables that begin so, scratch tables included."""
    engine = EmbeddedEngine(str(tmp_path / "warehouse"))
    site = Site(engine, EVENTS, tmp_path, {"recovery_slots": "1"})
    site.sections["warehouse"] = {**place(engine), "database": RESULTS, "prefix": "anna_"}
    site.sections["source"] = {"database": EVENTS}
    site.sections["etl"] = {"table": "result"}
    site.load(incident())
    engine.execute(f"CREATE DATABASE {RESULTS}")
    engine.execute(f"CREATE TABLE {RESULTS}.foreign (x Int8) ENGINE = MergeTree ORDER BY x")
    reading = rights.reader(f"{EVENTS}.{table}" for table in ("feed_actions", "message_actions"))
    give(engine, [*reading, *rights.narrow_writer(RESULTS, ["anna_", "result"])])
    try:
        play(site)
        with site.at(OUTAGE):
            assert [finding.level for finding in doctor.warehouse()] == ["ok"]
        with pytest.raises(TerminalError, match=rf"\nGRANT SELECT ON {RESULTS}.foreign TO default;"):
            engine.query(f"SELECT count() FROM {RESULTS}.foreign")
    finally:
        end_owner(engine)


def reload(site: Site) -> None:
    """Make the day's loads undone."""
    with site.at(BACK):
        invalidate(load_chain(YESTERDAY))


def give(engine: EmbeddedEngine, grants: Sequence[Grant]) -> None:
    """Restart an embedded engine, whose user then has these rights alone."""
    end_owner(engine)
    queries = "".join(f"<query>{grant.to('default').partition(' TO ')[0]}</query>" for grant in grants)
    folder = Path(engine.path)
    (folder / "config.xml").write_text(f"<clickhouse><users_config>{folder}/users.xml</users_config></clickhouse>")
    (folder / "users.xml").write_text(
        "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>"
        "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
        f"<grants>{queries}</grants></default></users></clickhouse>"
    )
