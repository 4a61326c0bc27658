"""Makes the channels that luigi.cfg names."""

from pipeline.core import settings
from pipeline.core.errors import SettingsError
from pipeline.core.process import once
from reporting.channels import Channel, create


@once
def channels(setting: str, names: str) -> dict[str, Channel]:
    """Make the channels that a setting names, each from its section of luigi.cfg.

    Parameters
    ----------
    setting : str
        The setting, for the error: "[alerts] channels".
    names : str
        Its value.

    Raises
    ------
    SettingsError, reporting.errors.ReportingError
        If the setting is empty, a channel is unknown, or its settings are wrong.
    """
    wanted = settings.names(names)
    if not wanted:
        raise SettingsError(f"{setting} is empty: name a channel, for example outbox.")
    return {name: create(name, **settings.options(name)) for name in wanted}
