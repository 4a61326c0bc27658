"""What feedpulse said of itself: in the outbox, in the log, and in the table of its runs."""

import json
import re
from ast import literal_eval
from collections.abc import Sequence
from unittest.mock import patch

import luigi.interface
import pytest

from pipeline.tasks import supervision
from pipeline.warehouse.tables import RUNS
from tests.process.here import task_here
from tests.process.project import Finished, Project

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} (INFO|WARNING|ERROR): .+")
COMMANDS = (
    pytest.param(("luigi", "--module", "pipeline"), marks=pytest.mark.long, id="luigi"),
    pytest.param(("feedpulse", "run"), id="feedpulse"),
)


def said(project: Project) -> list[tuple[str, str]]:
    """Title and cause of each message about feedpulse itself in the outbox, oldest first."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in project.outbox.glob("feedpulse-*.json")]
    texts = [record["html"].partition("\n") for record in sorted(records, key=lambda record: record["written_at"])]
    return [(re.sub("</?b>", "", title), cause) for title, _, cause in texts]


def titles(project: Project) -> list[str]:
    """The titles of `said`, without the name of the program that each begins with."""
    return [title.removeprefix("feedpulse: ") for title, _ in said(project)]


def outcomes(project: Project) -> list[tuple[str, str]]:
    """Root and outcome of every row of the runs, sorted."""
    return [literal_eval(row) for row in project.rows(RUNS, "root, outcome")]


def assert_readable(finished: Finished, most: int) -> None:
    """Check that every line of a log has a time, that there are not too many, and that none is a traceback."""
    lines = finished.log.splitlines()
    assert all(LOG_LINE.fullmatch(line) for line in lines), finished.log
    assert len(lines) <= most, finished.log


def run(project: Project, command: Sequence[str], *arguments: str) -> Finished:
    """Run a task with one of `COMMANDS`, with our defaults for Luigi's log."""
    project.sections["core"].pop("log_level", None)
    project.write_configuration()
    return project.run(*command, *arguments)


def supervised_here(project: Project, *arguments: str) -> Finished:
    """Run a task as `task_here` does, supervised as the commands are."""
    with patch.object(luigi.interface, "_run", luigi.interface._run):
        supervision.install()
        return task_here(project, *arguments)
