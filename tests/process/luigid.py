"""A real luigid on a free loopback port, with its state in the test's directory."""

import contextlib
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType

from tests.patience import HANGS_SECONDS
from tests.servers.ports import free_ports


class Luigid:
    """Starts the scheduler; a context manager stops it.

    Parameters
    ----------
    directory : Path
        Directory of its state and log.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.arguments = ("--scheduler-url", self.url)

    def __enter__(self) -> "Luigid":
        program = Path(sys.executable).with_name("luigid")
        options = ["--address", "127.0.0.1", "--port", str(self.port), "--state-path", "state.pickle", "--logdir", "."]
        with (self._directory / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                [str(program), *options], cwd=self._directory, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + HANGS_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise RuntimeError(f"luigid does not start:\n{(self._directory / 'output.log').read_text()}")
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """Kill it without a shutdown (SIGKILL)."""
        self._process.kill()
        self._process.wait(timeout=HANGS_SECONDS)

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.url}/api/graph", timeout=HANGS_SECONDS) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=HANGS_SECONDS)
