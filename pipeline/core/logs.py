"""Log what people can act on: our own errors, and a wrong command line, read as a line or two, not as a traceback."""

import logging
import re

from luigi.parameter import ParameterException

from pipeline.core.errors import is_ours

# Luigi puts the traceback of a failed complete() or requires() into the message itself.
_OWN_ERROR = re.compile(
    r"Traceback \(most recent call last\):.*\n(?:pipeline|detectors|reporting)\.[\w.]*?(\w+Error): (.*)\Z", re.DOTALL
)
# How Luigi speaks of what it meets before any task: parameters that it cannot read.
_BEFORE_ANY_TASK = "Uncaught exception in luigi"


class BriefErrors(logging.Filter):
    """Replace the traceback of an error that feedpulse raised on purpose, or of a wrong parameter, by its text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record in place; every record passes."""
        error = record.exc_info[1] if record.exc_info else None
        if is_ours(error) or (record.msg == _BEFORE_ANY_TASK and isinstance(error, (ValueError, ParameterException))):
            record.msg, record.args = f"{record.getMessage()}\n{error}", ()
            record.exc_info, record.exc_text = None, None
        elif isinstance(record.msg, str) and "Traceback (most recent call last)" in record.msg:
            record.msg = _OWN_ERROR.sub(r"\2", record.msg).rstrip()
        return True


_BRIEF_ERRORS = BriefErrors()


def install() -> None:
    """Filter Luigi's logger; once, however often it is called."""
    logging.getLogger("luigi-interface").addFilter(_BRIEF_ERRORS)
