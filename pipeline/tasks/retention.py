"""Retention of the tables that grow with every slot, message and run."""

import logging
from datetime import datetime, timedelta

from pipeline.alerts.incidents import store
from pipeline.core import clock, settings
from pipeline.core.errors import WarehouseError
from pipeline.tasks.base import DayTask
from pipeline.warehouse import markers, retention, views
from pipeline.warehouse.markers import Marker, update_id
from pipeline.warehouse.tables import TABLE_UPDATES
from reporting.decoration import optional

UNDROPPED = "old months are not dropped"
"""What a run says of itself; the table ``runs`` has it."""
_LOG = logging.getLogger(__name__)


class HistoryRetention(DayTask):
    """Once a day: drops the months that are older than ``[warehouse] keep_days`` and that no open incident needs.

    It also makes the views where they are missing.
    """

    priority = -1  # alerts and loads go first
    _failed = False

    def complete(self) -> bool:
        """Whether it is done, or this run has failed at it: that must not fail the alerts, nor be tried twice."""
        return self._failed or super().complete()

    def output(self) -> Marker:
        """The marker ``history_retention:date:v1``."""
        return Marker(update_id("history_retention", self.date), TABLE_UPDATES)

    def run(self) -> None:
        """Drop them; 0 days keeps all. A failure is a warning, and `feedpulse status` tells one that stays for days."""
        optional("views", views.make)
        try:
            self._drop()
        except WarehouseError as error:
            _LOG.warning("%s: %s", UNDROPPED, " ".join(str(error).split()))
            self.did(without=[UNDROPPED])
            self._failed = True

    def _drop(self) -> None:
        kept = timedelta(days=settings.days_kept())
        dropped = retention.drop_months(min([self._first_kept(kept), *_needed()]), kept) if kept else []
        self.tell(f"dropped {', '.join(dropped) or 'nothing'}", 100)
        markers.complete(self.output())

    def _first_kept(self, kept: timedelta) -> datetime:
        return clock.day_bounds(self.date - kept)[0]


def _needed() -> list[datetime]:
    """The oldest slot that each open incident needs: the one before it, the last with rows if its table is silent."""
    still_open = [incident for incident in store.load_incidents(clock.utcnow()) if not incident.ended]
    return [min(incident.opened, incident.silent_since or incident.opened) - clock.SLOT for incident in still_open]
