"""docs/schedulers.md: the example for Airflow runs with stand-ins for its classes."""

import subprocess
import sys
from datetime import timedelta
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
