"""The exceptions of `reporting`.

::

    ReportingError                    its text names the cause and the remedy
    +-- SettingsError                 a language, channel or setting is unknown, missing or impossible
    |   +-- SecretError               a secret in the environment is missing or malformed
    +-- UnsafePathError               a file or directory that another user could redirect or replace
    +-- LockHeldError                 another process holds a lock for too long
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


class UnsafePathError(ReportingError):
    """A file or directory is a link or belongs to another user, who could redirect or replace what we write."""


class LockHeldError(ReportingError):
    """Another process holds a lock for too long: it hangs or is stopped."""


class ChannelError(ReportingError):
    """A channel refused a message and would refuse it again until somebody acts."""


class ChannelUnavailableError(ChannelError):
    """A channel did not answer, or asked to wait. The message may have arrived."""
