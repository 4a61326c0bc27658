"""The exceptions of `pipeline`.

::

    FeedpulseError            shown as one or two lines of text, without a traceback
    +-- SettingsError         a wrong value in luigi.cfg or the environment
    +-- SourceError           a source table lacks a column or has a wrong type
    +-- ClockError            a day or slot that is not over yet, or a clock that is wrong
    +-- ReconciliationError   a loaded day differs from the source
    |   +-- RowsArrivedError  because rows arrived during the load
    +-- WarehouseError        an engine failed
        +-- TransientError    a retry may succeed: network, time-out, restart
        +-- TerminalError     a retry will fail too; has ClickHouse's `code`
"""


class FeedpulseError(Exception):
    """Base of all errors that `pipeline` raises on purpose; the text names the problem and the remedy."""


class SettingsError(FeedpulseError):
    """A setting is unknown, missing or has an impossible value."""


class SourceError(FeedpulseError):
    """A source table or column is missing or has the wrong type."""


class ClockError(FeedpulseError):
    """The day or slot is not over yet, or the clock of this machine is wrong."""


class ReconciliationError(FeedpulseError):
    """A loaded day differs from the source. It is not published, and the previously published rows stay."""


class RowsArrivedError(ReconciliationError):
    """The source rows of a day changed during its load; the next run loads the day again."""


class WarehouseError(FeedpulseError):
    """An engine refused a statement or did not answer."""


class TransientError(WarehouseError):
    """A network failure, a time-out or a restarting server; the same statement may succeed later."""


class TerminalError(WarehouseError):
    """The engine refused the statement and would refuse it again.

    Parameters
    ----------
    message : str
        The engine's message, without its stack trace.
    code : int
        ClickHouse's error code.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


ACCESS_DENIED = 497
"""ClickHouse's code for a missing right."""

OWN_PACKAGES = ("pipeline", "detectors", "reporting")


def is_ours(error: BaseException | None) -> bool:
    """Whether one of `OWN_PACKAGES` defines the error: its text is then enough, without a traceback."""
    return error is not None and type(error).__module__.split(".")[0] in OWN_PACKAGES
