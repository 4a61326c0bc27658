"""What is said of a run that does not start."""

from pathlib import Path
from unittest.mock import patch

import luigi
import luigi.interface
import pytest

from pipeline.tasks import supervision
from pipeline.tasks.supervision import seam
from pipeline.warehouse.engines import Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place


class Missing(luigi.ExternalTask):
    """Data that nobody brings."""

    def complete(self) -> bool:
        """Never."""
        return False


class Waiting(luigi.WrapperTask):
    """A task that requires them."""

    def requires(self) -> luigi.Task:
        """The data."""
        return Missing()


def test_missing_data_are_not_an_earlier_run(
    embedded_warehouse: Engine, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seam, "is_unattended", lambda: True)
    with (
        configured(
            warehouse={**place(embedded_warehouse), "database": database},
            outbox={"path": str(tmp_path / "out")},
            delivery={"lock_path": str(tmp_path)},
        ),
        patch.object(luigi.interface, "_run", luigi.interface._run),
    ):
        supervision.install()
        for _ in range(4):
            luigi.interface._run(["Waiting", "--local-scheduler", "--no-lock"])
    (title,) = (path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.txt"))
    assert title.splitlines()[0] == (
        "feedpulse: Waiting does not start: luigid does not let a task run, or data that it needs are missing"
    )
