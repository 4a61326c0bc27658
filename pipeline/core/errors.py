"""The exceptions of `pipeline`.

::

    FeedpulseError            shown to people as one or two lines, without a traceback
    +-- SettingsError         luigi.cfg or the environment says something impossible
    +-- SourceError           the source tables are not what the ETL needs
    +-- ClockError            a day or a slot that is not over yet
    +-- ReconciliationError   a day's rows do not add up to what the source holds
    |   +-- RowsArrivedError  because the source grew while the day was loading
    +-- WarehouseError        an engine refused or did not answer
        +-- TransientError    worth another try: network, time-out, a server that restarts
        +-- TerminalError     the same statement will fail again; has ClickHouse's `code`
"""


class FeedpulseError(Exception):
    """Base of everything that feedpulse raises on purpose; its text names the thing and the remedy."""


class SettingsError(FeedpulseError):
    """A setting is unknown, missing or has an impossible value."""


class SourceError(FeedpulseError):
    """A source table or column is missing or has the wrong type."""


class ClockError(FeedpulseError):
    """A day or slot was asked for that is not over yet."""


class ReconciliationError(FeedpulseError):
    """A day's rows do not add up to what the source holds; what was published before stays."""


class RowsArrivedError(ReconciliationError):
    """The source's rows of a day changed while it was loading: the next run loads it again."""


class WarehouseError(FeedpulseError):
    """An engine refused a statement or did not answer."""


class TransientError(WarehouseError):
    """Network trouble, a time-out or a restarting server: the same statement may succeed later."""


class TerminalError(WarehouseError):
    """The engine refused the statement and would refuse it again.

    Parameters
    ----------
    message : str
        What the engine said, without its stack trace.
    code : int
        ClickHouse's error code.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


_OWN_PACKAGES = ("pipeline", "detectors", "reporting")


def is_ours(error: BaseException | None) -> bool:
    """Whether `pipeline`, `detectors` or `reporting` raised it on purpose: its text is all that people need."""
    return error is not None and type(error).__module__.split(".")[0] in _OWN_PACKAGES
