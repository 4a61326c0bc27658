"""Where the supervision meets Luigi; setup.py bounds its version."""

import inspect
from unittest.mock import patch

import luigi.interface
import luigi.retcodes
from luigi.rpc import RemoteScheduler
from luigi.scheduler import RPC_METHODS
from luigi.setup_logging import InterfaceLogging

from pipeline.tasks import supervision


def test_luigis_command_passes_through_the_seam() -> None:
    assert "luigi.interface._run(argv).worker" in inspect.getsource(luigi.retcodes.run_with_retcodes)
    parameters = inspect.signature(luigi.interface._run).parameters
    assert list(parameters)[0] == "cmdline_args"
    assert "worker_scheduler_factory" in parameters


def test_the_seam_is_installed_once() -> None:
    with patch.object(luigi.interface, "_run", luigi.interface._run):
        supervision.install()
        wrapped = luigi.interface._run
        supervision.install()
        assert luigi.interface._run is wrapped


def test_the_names_of_luigis_that_are_overridden_exist() -> None:
    assert {
        "add_task",
        "announce_scheduling_failure",
        "set_task_status_message",
        "set_task_progress_percentage",
    } <= set(RPC_METHODS)
    assert "_fetch" in vars(RemoteScheduler)
    assert hasattr(InterfaceLogging, "_default")
