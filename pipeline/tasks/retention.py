"""Retention of the tables that grow with every slot, message and run."""

from datetime import datetime, timedelta

from pipeline.alerts.incidents import store
from pipeline.core import clock, settings
from pipeline.tasks.base import DayTask
from pipeline.warehouse import markers, retention
from pipeline.warehouse.markers import Marker, update_id
from pipeline.warehouse.tables import TABLE_UPDATES


class HistoryRetention(DayTask):
    """Once a day: drops the months that are older than ``[warehouse] keep_days`` and that no open incident needs."""

    priority = -1  # alerts and loads go first

    def output(self) -> Marker:
        """The marker ``history_retention:date:v1``."""
        return Marker(update_id("history_retention", self.date), TABLE_UPDATES)

    def run(self) -> None:
        """Drop them; 0 days keeps all."""
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
