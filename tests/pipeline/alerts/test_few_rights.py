"""A day and an incident by users who have exactly the rights that ``feedpulse doctor --grants`` prints."""

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import luigi
import pytest

from pipeline.commands.main import main
from pipeline.core.errors import TerminalError
from pipeline.etl.verification import verify
from pipeline.tasks import Daily, DailyMetrics, Morning, StagingRetention
from pipeline.tasks.etl import invalidate, load_chain
from pipeline.warehouse import rights
from pipeline.warehouse.engines import EmbeddedEngine, Engine, Params, ServerEngine
from pipeline.warehouse.rights import Grant
from tests.conftest import end_owner
from tests.patience import HANGS_SECONDS
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, TODAY, Site, incident
from tests.pipeline.etl.running import place
from tests.servers.clickhouse import ClickHouseServer

EVENTS = "simulator_20261112"
RESULTS = "test"
YESTERDAY = TODAY - timedelta(days=1)
KEY = "alert-2026-11-12T0900Z-messages_sent"
PASSWORD = "few rights"
NO_PARTS = "ann: Not enough privileges. (ACCESS_DENIED) (code 497)"


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every statement, with its user. system.parts is refused as newer servers do: neither engine here can do that."""
    sent: list[tuple[str, str]] = []
    query, execute, insert, stream = Engine.query, Engine.execute, Engine.insert, Engine.stream

    def note(engine: Engine, sql: str) -> None:
        sent.append((str(getattr(engine, "user", "default")), sql))
        if rights.PARTS in sql:
            raise TerminalError(NO_PARTS, 497)

    def noted_query(engine: Engine, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        note(engine, sql)
        return query(engine, sql, params)

    def noted_execute(engine: Engine, sql: str, params: Params | None = None, **options: Any) -> None:
        note(engine, sql)
        execute(engine, sql, params, **options)

    def noted_insert(engine: Engine, table: str, columns: Any) -> None:
        note(engine, f"INSERT INTO {table}")
        insert(engine, table, columns)

    def noted_stream(engine: Engine, sql: str, params: Params | None = None) -> Iterator[Mapping[str, Any]]:
        note(engine, sql)
        return stream(engine, sql, params)

    for name, replacement in (
        ("query", noted_query), ("execute", noted_execute), ("insert", noted_insert), ("stream", noted_stream),
    ):  # fmt: skip
        monkeypatch.setattr(Engine, name, replacement)
    return sent


def printed(site: Site, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what ``feedpulse doctor --grants`` prints."""
    capsys.readouterr()
    with site.at(OUTAGE):
        assert main(["doctor", "--grants"]) == 0
    return capsys.readouterr().out


def printed_for(user: str, text: str) -> list[Grant]:
    """Return the printed GRANTs of a user."""
    found = re.findall(rf"^GRANT (.+) ON (\S+) TO {user};$", text, re.MULTILINE)
    return [Grant(tuple(names.split(", ")), where) for names, where in found]


def play(site: Site) -> None:
    """Load a day, post an incident and its end, and send the report."""
    site.run(Daily(), OUTAGE)
    site.alert(OUTAGE, OUTAGE + SLOT)
    site.alert(BACK, BACK + SLOT)
    site.run(Morning(), BACK + 4 * SLOT)
    with site.at(BACK + 4 * SLOT):
        assert verify(YESTERDAY, YESTERDAY)
    assert {KEY, f"{KEY}-recovered"} <= set(site.messages())
    assert "report-2026-11-11" in " ".join(site.messages())


def check(statements: list[tuple[str, str]], user: str, grants: list[Grant]) -> None:
    """Compare what a user's statements need with what it was granted."""
    needed = {right for owner, sql in statements if owner == user for right in rights.of(sql)}
    assert needed
    assert {right for right in needed if not rights.covers(grants, right)} == set()
    assert rights.CREATE_DATABASE not in {right.privilege for right in needed}  # where it exists


def test_a_reader_and_a_writer_of_one_old_server(
    tmp_path: Path,
    statements: list[tuple[str, str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On 18.16 the rights are those of users.xml."""
    monkeypatch.setenv("FEEDPULSE_SOURCE_PASSWORD", PASSWORD)
    monkeypatch.setenv("FEEDPULSE_CLICKHOUSE_PASSWORD", PASSWORD)
    with ClickHouseServer(tmp_path / "server") as server:
        admin = ServerEngine(server.host, server.port)
        site = Site(admin, EVENTS, tmp_path, {"recovery_slots": "1"})
        site.load(incident())
        admin.execute(f"CREATE DATABASE {RESULTS}")
        address = place(admin)
        site.sections["source"] = {**address, "database": EVENTS, "user": "student"}
        site.sections["warehouse"] = {**address, "database": RESULTS, "user": "student_rw"}
        text = printed(site, capsys)
        add_users(server, text)
        statements.clear()
        play(site)
        check(statements, "student", printed_for("student", text))
        check(statements, "student_rw", printed_for("student_rw", text))
        writer = ServerEngine(server.host, server.port, "student_rw", PASSWORD)
        with pytest.raises(TerminalError, match=rf"{EVENTS}.* \(code 291\)"):
            writer.query(f"SELECT count() FROM {EVENTS}.feed_actions")
        reader = ServerEngine(server.host, server.port, "student", PASSWORD)
        with pytest.raises(TerminalError, match=r"\(code 164\)"):
            reader.execute(f"DROP TABLE {EVENTS}.feed_actions")


def add_users(server: ClickHouseServer, text: str) -> None:
    """Add the users of the printed users.xml to a running server."""
    folder = server.directory / "users.d"
    folder.mkdir()
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    blocks = re.findall(r"^<yandex>.*?^</yandex>$", text, re.DOTALL | re.MULTILINE)
    for number, block in enumerate(blocks):
        (folder / f"feedpulse{number}.xml").write_text(block.replace("HASH", digest))
    (server.directory / "users.xml").touch()
    deadline = time.monotonic() + HANGS_SECONDS
    while True:
        try:
            for user in ("student", "student_rw"):
                ServerEngine(server.host, server.port, user, PASSWORD).query("SELECT 1")
            return
        except TerminalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_writer_without_alter_delete_on_a_new_version(
    tmp_path: Path,
    statements: list[tuple[str, str]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
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
    statements.clear()
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


def reload(site: Site) -> None:
    """Make the day's loads undone."""
    with site.at(BACK):
        invalidate(load_chain(YESTERDAY))


def give(engine: EmbeddedEngine, grants: list[Grant]) -> None:
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
