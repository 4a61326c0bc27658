"""Short errors in Luigi's log: our own errors and wrong parameters show their text, without a traceback."""

import logging
import re

from luigi.parameter import ParameterException

from pipeline.core.errors import OWN_PACKAGES, is_ours

# Luigi puts the traceback of a failed complete() or requires() into the message itself.
_OWN_TRACEBACK = re.compile(
    rf"Traceback \(most recent call last\):.*\n(?:{'|'.join(OWN_PACKAGES)})\.[\w.]*?(\w+Error): (.*)\Z", re.DOTALL
)
# Luigi's message for an error before any task exists, such as a parameter that it cannot parse.
_BEFORE_ANY_TASK = "Uncaught exception in luigi"


class ShortErrors(logging.Filter):
    """Replaces the traceback of an error of ours, or of a wrong parameter, with the error's text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record in place; every record passes."""
        error = record.exc_info[1] if record.exc_info else None
        if is_ours(error) or (record.msg == _BEFORE_ANY_TASK and isinstance(error, (ValueError, ParameterException))):
            record.msg, record.args = f"{record.getMessage()}\n{error}", ()
            record.exc_info, record.exc_text = None, None
        elif isinstance(record.msg, str) and "Traceback (most recent call last)" in record.msg:
            record.msg = _OWN_TRACEBACK.sub(r"\2", record.msg).rstrip()
        return True


_SHORT_ERRORS = ShortErrors()


def install() -> None:
    """Add the filter to Luigi's logger; further calls change nothing."""
    logging.getLogger("luigi-interface").addFilter(_SHORT_ERRORS)
