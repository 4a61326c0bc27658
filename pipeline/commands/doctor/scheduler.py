"""Check of the scheduler: whether luigid answers where commands look for it."""

import json
import re
import socket
import urllib.error
import warnings
from collections.abc import Iterator
from http.client import HTTPException
from urllib.parse import unquote

from pipeline.commands.doctor.report import note, ok, wrong
from reporting.channels.base import Finding

_TIMEOUT_SECONDS = 5
_UNIX = "http+unix://"
"""Begins the address of a Unix socket; its path is quoted."""
_NAMES = ("scheduler_host", "scheduler_port", "scheduler_url")
"""Where luigid is; Luigi still reads their former names too, which begin with default_."""
_LOCAL = "Add --local-scheduler to each command, or start luigid: see docs/schedulers.md."


def luigid() -> Iterator[Finding]:
    """Ask luigid a question that changes nothing."""
    import luigi
    from luigi.configuration import get_config
    from luigi.interface import core

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Luigi's, of the former names of its settings
        chosen = core()
    if chosen.local_scheduler:
        yield ok("scheduler: each command uses its own ([core] local_scheduler)")
        return
    url = chosen.scheduler_url or f"http://{chosen.scheduler_host}:{chosen.scheduler_port}"
    shown = re.sub(r"//[^/]*@", "//", url)  # without a password
    if problem := _problem(url.rstrip("/")):
        text = f"scheduler: no luigid at {shown}: {problem}"
        configured = [
            name for name in (*_NAMES, *(f"default_{name}" for name in _NAMES)) if get_config().has_option("core", name)
        ]
        if configured:
            yield wrong(text, f"Start luigid there, or correct [core] {' and '.join(configured)}. {_LOCAL}")
        else:
            yield note(text, _LOCAL)
    else:
        yield ok(f"scheduler: luigid answers at {shown}; Luigi {luigi.__version__} here")


def _problem(url: str) -> str:
    """Return why luigid does not answer; '' if it does."""
    from luigi.rpc import URLLibFetcher

    if url.startswith(_UNIX):
        return _socket_problem(unquote(url.removeprefix(_UNIX)))
    try:
        answer = URLLibFetcher().fetch(f"{url}/api/is_pause_enabled", None, _TIMEOUT_SECONDS)
        return "" if "response" in json.loads(answer) else "something else answers"
    except urllib.error.HTTPError as error:
        return f"something else answers (HTTP {error.code})"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, HTTPException) as error:
        return f"something else answers ({str(error).strip()})"


def _socket_problem(path: str) -> str:
    """Return why nothing accepts connections at a Unix socket; '' if something does."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.connect(path)
    except OSError as error:
        return error.strerror or str(error)
    return ""
