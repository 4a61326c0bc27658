"""The log of a command: a time on every line, our own lines from INFO, Luigi's from WARNING, and short errors."""

import contextlib
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from luigi.configuration import LuigiConfigParser, get_config
from luigi.parameter import ParameterException
from luigi.setup_logging import InterfaceLogging

from pipeline.core.errors import OWN_PACKAGES, is_ours
from pipeline.core.files import TIME_FORMAT

LUIGI = "luigi-interface"
FORMAT = "%(asctime)s %(levelname)s: %(message)s"

# Luigi puts the traceback of a failed complete() or requires() into the message itself.
_TRACEBACK = "Traceback (most recent call last):"
_OWN_ERROR = re.compile(rf"^(?:{'|'.join(OWN_PACKAGES)})\.[\w.]*Error: ", re.MULTILINE)
# Luigi's messages for an error before any task exists, such as a parameter that it cannot parse; for a failed task; for
# luigid that is away, of which we say one line.
_BEFORE_ANY_TASK = "Uncaught exception in luigi"
_TASK_FAILED = "[pid %s] Worker %s failed    %s"
_LUIGID_IS_AWAY = "Failed pinging scheduler"


class ShortErrors(logging.Filter):
    """Makes one line of an error of ours, or of a wrong parameter; only other errors keep their traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record in place."""
        if record.msg == _LUIGID_IS_AWAY:
            return False
        if record.msg == _TASK_FAILED and isinstance(record.args, tuple):
            record.msg, record.args = "%s failed", record.args[2:]
        error = record.exc_info[1] if record.exc_info else None
        if is_ours(error) or (record.msg == _BEFORE_ANY_TASK and isinstance(error, (ValueError, ParameterException))):
            record.msg, record.args = _one_line(f"{record.getMessage()}: {error}"), ()
            record.exc_info, record.exc_text = None, None
        elif isinstance(record.msg, str) and _TRACEBACK in record.msg:
            record.msg = _without_own_traceback(record.msg).rstrip()
        return True


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the `sys.stderr` of the moment."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        pass


_SHORT_ERRORS = ShortErrors()
_HANDLER = _Stderr()
_HANDLER.setFormatter(logging.Formatter(FORMAT, TIME_FORMAT))


def install() -> None:
    """Set up the log of a command's process; further calls change nothing.

    Our packages log to stderr. Luigi's logger gets the same form, at ``[core] log_level``, when Luigi sets up its log.
    With ``[core] logging_conf_file`` or ``no_configure_logging`` the user's own set-up decides where lines go.
    """
    logging.getLogger(LUIGI).addFilter(_SHORT_ERRORS)
    config = cast(LuigiConfigParser, get_config())
    if config.get("core", "logging_conf_file", "") or config.getboolean("core", "no_configure_logging", False):
        return
    for name in OWN_PACKAGES:
        logger = logging.getLogger(name)
        logger.addHandler(_HANDLER)
        logger.setLevel(logging.INFO)
    InterfaceLogging._default = _set_up_luigis  # type: ignore[method-assign]


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the texts of our warnings in a list, for a command that shows them itself; write nothing to the log."""
    collector, level = _Collector(), _HANDLER.level
    loggers = [logging.getLogger(name) for name in (LUIGI, *OWN_PACKAGES)]
    _HANDLER.setLevel(logging.CRITICAL)
    for logger in loggers:
        logger.addHandler(collector)
    try:
        yield collector.texts
    finally:
        _HANDLER.setLevel(level)
        for logger in loggers:
            logger.removeHandler(collector)


def _set_up_luigis(options: Any) -> bool:
    logger = logging.getLogger(LUIGI)
    logger.addHandler(_HANDLER)
    logger.setLevel(options.log_level)
    return True


def _without_own_traceback(text: str) -> str:
    """Shorten a text that ends with the traceback of an error of ours; the work grows with its length only."""
    head, _, traceback = text.partition(_TRACEBACK)
    names = list(_OWN_ERROR.finditer(traceback))
    return f"{head.rstrip()} {_one_line(traceback[names[-1].end() :])}" if names else text


def _one_line(text: str) -> str:
    return " ".join(text.split())
