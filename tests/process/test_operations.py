"""docs/operations.md: backup, leaving a shared database clean and restore, run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.warehouse.tables import TABLES
from tests.documents import ROOT, blocks, section
from tests.patience import HANGS_SECONDS
from tests.process.conftest import MakeProject
from tests.process.project import NOW, Project, moment
from tests.servers.clickhouse import ClickHouseServer

# The package clickhouse-client is not among those that `make servers` installs.
CLIENT = """#!{python}
import sys, urllib.parse, urllib.request
option, query = sys.argv[1:]
assert option == "--query"
rows = b"" if sys.stdin.isatty() or not query.startswith("INSERT") else sys.stdin.buffer.read()
url = "http://127.0.0.1:{port}/?" + urllib.parse.urlencode({{"query": query}})
sys.stdout.buffer.write(urllib.request.urlopen(url, data=rows).read())
"""


def run_block(project: Project, heading: str, number: int = 0) -> None:
    """Run a shell block of a section in the project's directory, with the project's database in place of `test`."""
    text = blocks("sh", section("operations.md", heading))[number]
    for before in (" test.", " EXISTS test"):
        text = text.replace(before, before.replace("test", project.database))
    assert project.database in text
    program = project.directory / "bin"
    environment = os.environ | {
        "PATH": f"{program}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "LUIGI_CONFIG_PATH": str(project.directory / "luigi.cfg"),
    }
    run = subprocess.run(
        ["sh", "-ec", text],
        cwd=project.directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def place_programs(project: Project, port: int) -> None:
    """Put the client, and the virtual environment of the text, where the text expects them."""
    (project.directory / ".venv").mkdir()
    (project.directory / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    client = project.directory / "bin" / "clickhouse-client"
    client.parent.mkdir()
    client.write_text(CLIENT.format(python=sys.executable, port=port))
    client.chmod(0o755)


@pytest.mark.long
def test_backup_clean_database_and_restore(new_project: MakeProject, clickhouse_server: ClickHouseServer) -> None:
    project = new_project("server")
    place_programs(project, clickhouse_server.http_port)
    assert project.task("Morning", *moment(NOW)).code == 0
    before = {table: project.rows(table) for table in TABLES}
    assert len(before["deliveries"]) == 2
    run_block(project, "Back up")

    project.warehouse.execute(f"CREATE TABLE {project.database}.of_anna (x UInt8) ENGINE = Memory")
    killed = f"{project.database}.daily_metrics__aaaaaaaa_1_1_1_aaaaaaaa"
    project.warehouse.execute(f"CREATE TABLE {killed} (x UInt8) ENGINE = MergeTree ORDER BY x")
    run_block(project, "Leave a shared database clean")
    assert project.tables() == {"of_anna"}

    run_block(project, "Restore")
    assert {table: project.rows(table) for table in TABLES} == before
    again = project.task("Morning", *moment(NOW))
    assert again.code == 0
    assert "nothing to do" in again.log
    del before["runs"]  # it has the run that did nothing, too
    assert {table: project.rows(table) for table in before} == before
