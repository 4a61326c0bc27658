"""Views for those who look at the results with a BI tool: made once a day, and made again where they have changed."""

import logging
from collections.abc import Mapping
from hashlib import sha256

from pipeline.core import settings
from pipeline.core.errors import ACCESS_DENIED, TerminalError
from pipeline.warehouse import cluster, forms, ownership
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import (
    DELIVERIES,
    INCIDENT_ACTIONS,
    INCIDENTS,
    INSTALLATION,
    full_name,
    installation,
    open_warehouse,
)

ALERT_HISTORY = "alert_history"
DELIVERIES_NOW = "deliveries_now"
VIEWS: Mapping[str, tuple[str, ...]] = {
    ALERT_HISTORY: (INCIDENTS, INCIDENT_ACTIONS),
    DELIVERIES_NOW: (DELIVERIES,),
}
"""The views, and the tables that each reads."""

_LOG = logging.getLogger(__name__)


def make() -> None:
    """Make the views that are missing, or that an earlier release made otherwise.

    Nothing of ours reads them. So a name that is taken, or a user who may not create views, is a warning. A view is
    recorded before it is made, as a table is.
    """
    engine, database = open_warehouse(), settings.WarehouseSettings().database
    names = {view: full_name(view) for view in VIEWS}
    existing = forms.read(engine, database, [_bare(name) for name in names.values()])
    recorded = dict(engine.query(statement("read_installation", installation=full_name(INSTALLATION))))
    for view, name in names.items():
        sql = statement(f"create_{view}", view=name, **{table: full_name(table) for table in VIEWS[view]})
        item, form = f"view:{_bare(name)}", existing.get(_bare(name))
        digest = sha256(sql.encode()).hexdigest()
        if form and recorded.get(item) == digest:
            continue
        if form and (item not in recorded or form.engine != "View"):
            _LOG.warning("%s is not made: something of that name exists, and feedpulse did not make it", name)
            continue
        ownership.write(engine, installation(), {item: digest})
        try:
            cluster.create_view(engine, name, sql, exists=form is not None)
        except TerminalError as error:
            if error.code != ACCESS_DENIED:
                raise
            _LOG.warning("%s is not made: this user may not; grant CREATE VIEW, DROP VIEW on %s.*", name, database)


def _bare(name: str) -> str:
    return name.partition(".")[2]
