"""The exceptions of `reporting`.

::

    ReportingError                    its text names the cause and the remedy
    +-- SettingsError                 a language, channel or setting is unknown, missing or impossible
    |   +-- SecretError               a secret in the environment is missing or malformed
    +-- ChannelError                  a channel refused a message and would refuse it again
        +-- ChannelUnavailableError   a channel did not answer, or asked to wait: the message may succeed later

No error contains a token or the text of a message.
"""


class ReportingError(Exception):
    """Base of all errors of `reporting`."""


class SettingsError(ReportingError):
    """A language, a channel or a setting of a channel is unknown, missing or impossible."""


class SecretError(SettingsError):
    """A secret in the environment is missing or malformed."""


class ChannelError(ReportingError):
    """A channel refused a message and would refuse it again until somebody acts."""


class ChannelUnavailableError(ChannelError):
    """A channel did not answer, or asked to wait. The message may have arrived."""
