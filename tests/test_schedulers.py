"""docs/schedulers.md: the example for Airflow runs with stand-ins for its classes; timers agree with the crontab."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from types import ModuleType, TracebackType
from typing import Any

import pytest

from tests.documents import DOCUMENTS, blocks, in_line
from tests.test_documents_commands import understand

TEXT = DOCUMENTS["docs/schedulers.md"]


class Dag:
    """Stands in for airflow.DAG."""

    made: list["Dag"] = []

    def __init__(self, dag_id: str, **options: Any) -> None:
        self.dag_id, self.options, self.commands = dag_id, options, list[str]()
        Dag.made.append(self)

    def __enter__(self) -> "Dag":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


def operator(task_id: str, bash_command: str, skip_on_exit_code: int) -> None:
    """Stands in for airflow.operators.bash.BashOperator."""
    assert (task_id, skip_on_exit_code) == ("run", 10)
    Dag.made[-1].commands.append(bash_command)


@pytest.fixture
def dags(monkeypatch: pytest.MonkeyPatch) -> list[Dag]:
    """The DAGs of the example."""
    modules = {name: ModuleType(name) for name in ("airflow", "airflow.operators", "airflow.operators.bash")}
    modules["airflow"].DAG = Dag  # type: ignore[attr-defined]
    modules["airflow.operators.bash"].BashOperator = operator  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Dag, "made", [])
    (source,) = blocks("python", TEXT)
    variables: dict[str, Any] = {}
    exec(compile(source, "feedpulse_dags.py", "exec"), variables)
    assert all(variables[dag.dag_id] is dag for dag in Dag.made)
    return Dag.made


def crontab() -> dict[str, str]:
    """The times of each root in the crontab."""
    lines = [line for block in blocks("crontab") for line in block.splitlines() if not line.startswith("#")]
    return {line.partition(" run ")[2].split()[0]: " ".join(line.split()[:5]) for line in lines if " run " in line}


def test_each_dag_runs_a_command_of_the_crontab_at_its_times(dags: list[Dag]) -> None:
    times = {}
    for dag in dags:
        (line,) = dag.commands
        read = subprocess.run(["sh", "-n"], input=line, capture_output=True, text=True, check=False)
        assert (read.returncode, read.stderr) == (0, "")
        (command,) = in_line(line)
        understand(command)
        times[command.arguments[1]] = dag.options["schedule"]
        assert dag.options["catchup"] is False
        assert dag.options["default_args"]["execution_timeout"] >= timedelta(hours=1)
    assert times == {root: fields for root, fields in crontab().items() if root in times}
    assert set(times) == {"Alerts", "Presses", "Daily", "Morning", "Weekly"}


def timers() -> dict[str, str]:
    """The times of each root in the table of systemd's timers."""
    return dict(re.findall(r"^\| `feedpulse@(\w+)\.timer` \| `(.+)` \|$", TEXT, re.MULTILINE))


def test_each_line_of_the_crontab_has_a_timer() -> None:
    assert set(timers()) == set(crontab()) - {"Presses"}
    service, timer, presses = (block for block in blocks("ini", TEXT) if "/feedpulse" in block.partition("\n")[0])
    assert f"OnCalendar={timers()['Alerts']}\n" in timer
    lines = [service.replace("%i", root) for root in timers()]
    for text in [*lines, presses]:
        (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
        shell, option, words = shlex.split(line)
        assert (shell, option) == ("/bin/sh", "-c")
        (command,) = in_line(words)
        understand(command)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze, of Debian's systemd")
def test_the_timers_have_the_times_of_the_crontab() -> None:
    for root in timers():
        found = subprocess.run(
            ["systemd-analyze", "calendar", "--iterations", "200", timers()[root]],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "TZ": "UTC"},
        ).stdout
        moments = [datetime.fromisoformat(moment) for moment in re.findall(r"(\d{4}-\S+ \S+) UTC", found)]
        assert len(moments) == 200
        assert moments == expected(crontab()[root], moments[0], moments[-1])


def expected(fields: str, first: datetime, last: datetime) -> list[datetime]:
    """Every minute of an interval at which cron would start a line."""
    minutes, hours, *_, weekday = fields.split()
    wanted = {name: numbers(text, most) for name, text, most in (("m", minutes, 59), ("h", hours, 23))}
    steps = range(int((last - first).total_seconds()) // 60 + 1)
    return [
        moment
        for moment in (first + timedelta(minutes=step) for step in steps)
        if moment.minute in wanted["m"] and moment.hour in wanted["h"]
        if weekday == "*" or moment.isoweekday() == int(weekday)
    ]


def numbers(text: str, most: int) -> set[int]:
    """The numbers of a field of a crontab: `*`, `5`, `9-21` or `2-59/15`."""
    span, _, step = text.partition("/")
    start, _, stop = (f"0-{most}" if span == "*" else span).partition("-")
    return set(range(int(start), int(stop or start) + 1, int(step or 1)))
