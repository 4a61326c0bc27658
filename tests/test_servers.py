"""docs/servers.md: every configuration runs as it is in the text, with the rights of the text.

Only hosts, ports and directories are replaced. The servers are of version 18.16, whose rights are in users.xml; what
GRANT gives is compared with what ``feedpulse doctor --grants`` prints, and runs in tests/pipeline/alerts.
"""

from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest

from pipeline.commands.main import main
from pipeline.core import settings
from pipeline.core.errors import TerminalError
from pipeline.etl.verification import verify
from pipeline.tasks import Daily
from pipeline.warehouse import connections, rights
from pipeline.warehouse.engines import EmbeddedEngine, ServerEngine
from tests.conftest import end_owner
from tests.documents import blocks, section
from tests.pipeline.alerts.few_rights import PASSWORD, YESTERDAY, add_users, check, play, printed, printed_for, record
from tests.pipeline.alerts.place import OUTAGE, Site, incident
from tests.pipeline.configuration import configured
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.cluster import NAME, Cluster

NATIVE, HTTP, LAPTOP = "Native protocol, one user", "HTTP, a reader and a writer", "A reader and a laptop"
CLUSTER, MANAGED = "A cluster", "Managed services"
EVENTS = "simulator_20231113"
Sections = dict[str, dict[str, str]]


def configuration(heading: str) -> Sections:
    """The feedpulse.cfg of a section."""
    (text,) = blocks("ini", section("servers.md", heading))
    parser = ConfigParser()
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def moved(sections: Mapping[str, Mapping[str, str]], server: ClickHouseServer, folder: Path) -> Sections:
    """A configuration with the hosts, ports and directories of the test."""
    here = {
        "host": "127.0.0.1",
        "port": str(server.port),
        "url": f"https://localhost:{server.https_port}",
        "path": str(folder / "warehouse"),
    }
    made = {name: {key: here.get(key, value) for key, value in values.items()} for name, values in sections.items()}
    for values in made.values():
        if "url" in values:
            values["ca_certs"] = str(server.directory / "server.crt")
    return made


def granted(heading: str) -> list[str]:
    """The GRANTs of a section."""
    return [line for text in blocks("sql", section("servers.md", heading)) for line in text.splitlines()]


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FEEDPULSE_SOURCE_PASSWORD", "FEEDPULSE_CLICKHOUSE_PASSWORD"):
        monkeypatch.setenv(name, PASSWORD)


@pytest.mark.parametrize("heading", [NATIVE, HTTP, LAPTOP, CLUSTER])
def test_the_grants_are_those_of_the_doctor(
    heading: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.warehouse.engines.base.RETRY_PAUSES_SECONDS", ())
    sections = configuration(heading)
    for values in sections.values():
        values |= {key: value for key, value in (("host", "127.0.0.1"), ("port", "1")) if key in values}
        values |= {"url": "http://127.0.0.1:1"} if "url" in values else {}
        values.pop("alt_hosts", None)
    with configured(**sections):
        assert main(["doctor", "--grants"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("GRANT")]
    first_run = [line for line in lines if rights.CREATE_DATABASE in line]
    replicated = [line for line in lines if rights.SYNC_REPLICA in line or rights.REPLICAS in line]
    left_out = first_run if heading == CLUSTER else [*first_run, *replicated]
    of_cluster = ["GRANT CLUSTER ON *.* TO analyst;"] if heading == CLUSTER else []
    assert granted(heading) == [line for line in lines if line not in left_out] + of_cluster


@pytest.mark.long
def test_a_reader_and_a_writer_by_https(
    tmp_path: Path, passwords: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole day and an incident, beside the tables of another student."""
    with ClickHouseServer(tmp_path / "server") as server:
        site = prepared(server, HTTP, tmp_path)
        foreign = ("daily_metrics", "incidents", "installation")
        for name in foreign:
            site.warehouse.execute(f"CREATE TABLE test.{name} ENGINE = MergeTree ORDER BY x AS SELECT 1 AS x")
        text = printed(site, capsys)
        for block in blocks("xml", section("servers.md", "Versions without GRANT")):
            assert block in text
        add_users(server, text)
        statements = record(monkeypatch)
        play(site)
        for user in ("student", "student_rw"):
            check(statements, user, printed_for(user, text))
        writer = ServerEngine(server.host, server.port, "student_rw", PASSWORD)
        with pytest.raises(TerminalError, match=rf"{EVENTS}.* \(code 291\)"):
            writer.query(f"SELECT count() FROM {EVENTS}.feed_actions")
        with site.at(OUTAGE), pytest.raises(TerminalError, match=r"\(code 164\)"):
            connections.source().execute(f"DROP TABLE {EVENTS}.feed_actions")
        tables = {name for (name,) in site.warehouse.query("SELECT name FROM system.tables WHERE database = 'test'")}
        assert {"anna_daily_metrics", "anna_incidents"} < tables
        assert {name for name in tables if not name.startswith("anna_")} == set(foreign)
        for name in foreign:
            assert site.warehouse.query(f"SELECT * FROM test.{name}") == [(1,)]


@pytest.mark.long
def test_one_user_over_the_native_protocol(
    tmp_path: Path, passwords: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ClickHouseServer(tmp_path / "server") as server:
        site = prepared(server, NATIVE, tmp_path)
        text = printed(site, capsys)
        add_users(server, text)
        statements = record(monkeypatch)
        play(site)
        check(statements, "analyst", printed_for("analyst", text))


def test_a_reader_and_a_laptop(tmp_path: Path, passwords: None, capsys: pytest.CaptureFixture[str]) -> None:
    with ClickHouseServer(tmp_path / "server") as server:
        site = prepared(server, LAPTOP, tmp_path)
        add_users(server, printed(site, capsys))
        load(site)
        end_owner(EmbeddedEngine(site.sections["warehouse"]["path"]))


@pytest.mark.long
def test_a_cluster(tmp_path: Path) -> None:
    """The servers of the test have no user but `default`, and their cluster has another name."""
    with Cluster(tmp_path) as cluster:
        one, two = cluster.nodes
        for node in cluster.nodes:
            Site(node.engine, EVENTS, tmp_path).load(incident())
        sections = moved(configuration(CLUSTER), one, tmp_path)
        sections["warehouse"] |= {"alt_hosts": f"127.0.0.1:{two.port}", "cluster": NAME, "user": "default"}
        site = Site(one.engine, EVENTS, tmp_path)
        site.sections |= sections
        load(site)
        with cluster.without(one), site.at(OUTAGE):
            assert Daily().complete()
            assert verify(YESTERDAY, YESTERDAY)


def test_settings_of_a_managed_service() -> None:
    with configured(**configuration(MANAGED)):
        settings.check()
        assert connections.warehouse().place.endswith(".clickhouse.cloud:8443")
        assert connections.source() == connections.warehouse()


def prepared(server: ClickHouseServer, heading: str, folder: Path) -> Site:
    """A site with events, and the configuration of a section."""
    admin = ServerEngine(server.host, server.port)
    site = Site(admin, EVENTS, folder, {"recovery_slots": "1"})
    site.load(incident())
    admin.execute("CREATE DATABASE test")
    site.sections |= moved(configuration(heading), server, folder)
    return site


def load(site: Site) -> None:
    """Load a day, and compare it with the events."""
    site.run(Daily(), OUTAGE)
    with site.at(OUTAGE):
        assert verify(YESTERDAY, YESTERDAY)
