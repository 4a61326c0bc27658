"""The exceptions of `reporting`.

::

    ReportingError                    its text is for people: it names the thing and the remedy
    +-- SettingsError                 an unknown language or channel, a missing or impossible setting
    +-- ChannelError                  a channel refused: the same message will be refused again
        +-- ChannelUnavailableError   no answer, or "later": the same message may go through in a while

None of them ever contains a token or the text of a message.
"""


class ReportingError(Exception):
    """Base of everything that `reporting` raises on purpose."""


class SettingsError(ReportingError):
    """A language, a channel or a setting of a channel is unknown, missing or impossible."""


class ChannelError(ReportingError):
    """A channel refused a message, and would refuse it again until somebody acts."""


class ChannelUnavailableError(ChannelError):
    """A channel did not answer or asked to come back later; it may also have delivered without saying so."""
