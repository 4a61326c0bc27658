"""Runs Luigi's command inside the test's process, which saves the second that a new process takes to start."""

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from luigi.retcodes import run_with_retcodes

from pipeline.core import logs
from pipeline.core.files import TIME_FORMAT
from tests.pipeline.configuration import configured
from tests.process.project import Finished, Project


def task_here(project: Project, *arguments: str) -> Finished:
    """Run a task as `Project.task` does, with the same command line, luigi.cfg, exit codes and log filter."""
    sections = {name.replace(".", "__"): settings for name, settings in project.sections.items()}
    sections["core"] = sections["core"] | {"no_configure_logging": "true"}  # pytest closes its stream
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FEEDPULSE_")}
    with (
        patch.dict(os.environ, environment | project.environment, clear=True),
        contextlib.chdir(project.directory),
        configured(**sections),
        _log() as log,
        pytest.raises(SystemExit) as ended,
    ):
        run_with_retcodes(["--module", "pipeline", *arguments, "--local-scheduler", "--no-lock"])
    assert isinstance(ended.value.code, int)
    return Finished(ended.value.code, "", log.getvalue())


@contextlib.contextmanager
def _log() -> Iterator[io.StringIO]:
    """Collect what Luigi logs, in the format of its command."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter(logs.FORMAT, TIME_FORMAT))
    logger, ours = logging.getLogger("luigi-interface"), logging.getLogger("pipeline")
    level = logger.level
    logs.install()
    logger.addHandler(handler)
    ours.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield log
    finally:
        logger.removeHandler(handler)
        ours.removeHandler(handler)
        logger.setLevel(level)
