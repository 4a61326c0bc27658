"""The checks of the doctor, in their order: each may rely on those before it."""

from pipeline.commands.doctor import (
    channels,
    configuration,
    connection,
    events,
    machine,
    ownership,
    rights,
    scheduler,
    writing,
)
from pipeline.commands.doctor.report import Check


def chosen(*, write: bool, send: bool) -> list[Check]:
    """Return the checks.

    Parameters
    ----------
    write : bool
        Whether to try the rights to write with scratch tables.
    send : bool
        Whether to send a test message.
    """
    return [
        machine.copies,
        configuration.files_and_settings,
        configuration.secrets,
        machine.directories,
        machine.disks,
        connection.warehouse,
        connection.source,
        ownership.own_tables,
        rights.warehouse,
        rights.source,
        events.columns,
        events.values,
        *([writing.scratch_tables] if write else []),
        scheduler.luigid,
        channels.examined,
        *([channels.tested] if send else []),
    ]
