"""A warehouse on a cluster: the commands go on with another server as if nothing had happened."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core import clock
from pipeline.warehouse.tables import DELIVERIES, INSTALLATION, TABLE_UPDATES, TABLES
from tests.process.conftest import MakeProject
from tests.process.here import task_here
from tests.process.project import OUTAGE_START, YESTERDAY, Project, finish, load_events, make_project, moment
from tests.servers.bot_api import BotApi
from tests.servers.cluster import NAME, Cluster
from tests.soak.cluster import configure, play

ROOTS = (
    ("Daily",),
    ("Morning",),
    ("Alerts", *moment(OUTAGE_START + 2 * clock.SLOT)),
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two servers with the same events."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        for node in running.nodes:
            load_events(node.engine)
        yield running


def make(cluster: Cluster, directory: Path) -> Project:
    """Make a project that uses the first server, and the second one if that does not answer."""
    first, second = cluster.nodes
    project = make_project(directory, first.engine)
    project.configure(warehouse={"cluster": NAME, "alt_hosts": f"{second.host}:{second.port}"})
    return project


@pytest.mark.long
def test_two_machines_at_once_through_two_servers(cluster: Cluster, new_project: MakeProject, tmp_path: Path) -> None:
    first, second = cluster.nodes
    plain = new_project("server")
    with BotApi() as api:
        here = make(cluster, tmp_path / "here")
        there = Project(tmp_path / "there", second.engine, {**here.sections})
        there.sections["warehouse"] = here.sections["warehouse"] | {"host": second.host, "port": str(second.port)}
        there.sections["core"] = here.sections["core"] | {"lock_pid_dir": str(tmp_path / "there" / "pids")}
        there.sections["delivery"] = {"lock_path": str(tmp_path / "there" / "locks")}
        machines = (here, there)
        for machine in machines:
            configure(machine, api)
        configure(plain, api)
        plain.configure(alerts={"channels": "outbox"}, report={"channels": "outbox"})
        for root in (("Daily",), ("Alerts", *moment(OUTAGE_START)), ("Alerts", *moment(OUTAGE_START + clock.SLOT))):
            assert task_here(plain, *root).code == 0
            runs = [machine.start_task(*root) for machine in machines]
            for run in map(finish, runs):
                assert run.code in (0, 30), run.log  # one may find that the other loads the same day
            for machine in machines:
                again = machine.task(*root)
                assert again.code == 0, again.log
        assert len(api.sent) == 1, api.sent
    for number in (0, 1):
        assert seen_by(here, cluster, number).results() == plain.results()


@pytest.mark.long
def test_servers_that_are_killed_while_commands_run(tmp_path: Path) -> None:
    """A day of the soak, which kills a server during each run."""
    reports = play(tmp_path, seed=2, kills=1)
    assert sum(report.kills for report in reports.values()) > 0
    assert [line for report in reports.values() for line in report.differences] == []
    assert sum(report.sent_twice for report in reports.values()) == 0


@pytest.mark.long
def test_plain_tables_move_to_the_cluster_as_the_document_says(cluster: Cluster, tmp_path: Path) -> None:
    project = make(cluster, tmp_path / "project")
    plain = project.with_settings(warehouse={"cluster": ""})
    for root in ROOTS:
        assert task_here(plain, *root).code == 0
    results, markers, sent = plain.results(), plain.rows(TABLE_UPDATES), files(plain)
    project.write_configuration()
    refused = task_here(project, "Daily")
    assert refused.code == 35
    assert "docs/cluster.md" in refused.log
    engine, database = project.warehouse, project.database
    for table in TABLES:
        engine.execute(f"RENAME TABLE {database}.{table} TO {database}.{table}_plain")
    assert task_here(project, "Presses").code == 0
    document = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
    (own,) = re.findall(r"```sql\n(INSERT INTO test.installation\n.*?)```", document, re.DOTALL)
    time.sleep(1)  # versions are seconds
    for table in TABLES:
        copy = f"INSERT INTO {database}.{table} SELECT * FROM {database}.{table}_plain"
        engine.execute(own.replace("test.", f"{database}.") if table == INSTALLATION else copy)
    identity = f"SELECT value FROM {database}.installation{{}} FINAL WHERE item = 'id'"
    assert engine.query(identity.format("")) == engine.query(identity.format("_plain"))
    for root in ROOTS:
        assert task_here(project, *root).code == 0
    for number in (0, 1):
        moved = seen_by(project, cluster, number)
        assert (moved.results(), moved.rows(TABLE_UPDATES), files(project)) == (results, markers, sent)


def seen_by(project: Project, cluster: Cluster, number: int) -> Project:
    """Return a project that reads its results from one of the servers."""
    engine = cluster.nodes[number].engine
    for table in TABLES:
        engine.execute(f"SYSTEM SYNC REPLICA {project.database}.{table}")
    return Project(project.directory, engine, project.sections)


def files(project: Project) -> dict[str, int]:
    """The messages in the outbox, with the time of the last change."""
    return {path.name: path.stat().st_mtime_ns for path in project.outbox.rglob("*") if path.is_file()}


@pytest.mark.long
def test_a_run_on_another_server_sends_and_loads_nothing_again(
    cluster: Cluster, new_project: MakeProject, tmp_path: Path
) -> None:
    project, plain = make(cluster, tmp_path / "project"), new_project("server")
    for root in ROOTS:
        assert task_here(project, *root).code == 0
        assert task_here(plain, *root).code == 0
    first = seen_by(project, cluster, 0)
    before, sent = files(project), first.rows(DELIVERIES)
    markers, results = first.rows(TABLE_UPDATES), first.results()
    assert results == plain.results()
    assert len(project.sent()) == 2
    with cluster.without(cluster.nodes[0]):
        second = Project(project.directory, cluster.nodes[1].engine, project.sections)
        for root in ROOTS:
            done = task_here(project, *root)
            assert done.code == 0, done.log
        assert (files(project), second.rows(DELIVERIES)) == (before, sent)
        assert (second.rows(TABLE_UPDATES), second.results()) == (markers, results)
        checked = project.run("feedpulse", "verify", "--from", str(YESTERDAY), "--to", str(YESTERDAY))
        assert checked.code == 0, checked.log
        assert second.leftovers() == set()
