"""The exceptions of `pipeline`.

::

    FeedpulseError            shown to people as one or two lines, without a traceback
    +-- SettingsError         luigi.cfg or the environment says something impossible
    +-- SourceError           the source tables are not what the ETL needs
    +-- ClockError            a day or a slot that is not over yet
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
