"""Retention: drops whole months of the tables that grow with every slot, message and run."""

from datetime import date, datetime, timedelta

from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import (
    DELIVERIES,
    DELIVERY_STATE,
    INCIDENTS,
    REPORTED,
    RUNS,
    SLOT_CHECKS,
    SLOT_COUNTS,
    SLOT_METRICS,
    full_name,
    open_warehouse,
)

MOMENTS = {
    SLOT_METRICS: "slot",
    SLOT_COUNTS: "slot",
    SLOT_CHECKS: "slot",
    INCIDENTS: "slot",
    DELIVERIES: "at",
    DELIVERY_STATE: "at",
    REPORTED: "at",
    RUNS: "began",
}
"""The tables with a partition a month (UTC), and the column that decides the month."""


def drop_months(before: datetime, kept: timedelta) -> list[str]:
    """Drop the months in which every row is old enough.

    Parameters
    ----------
    before : datetime
        Rows from this moment on stay, naive UTC.
    kept : timedelta
        Rows of this time before the newest row of a table stay too: the clock may be wrong by years.

    Returns
    -------
    list of str
        The dropped partitions, such as ``test.slot_metrics 202509``.
    """
    dropped = []
    for table, moment in MOMENTS.items():
        for month in _old_months(table, moment, before, kept):
            sql = statement("drop_partition", table=full_name(table))
            open_warehouse().execute(sql, {"partition": month}, idempotent=True)
            dropped.append(f"{full_name(table)} {month}")
    return dropped


def _old_months(table: str, moment: str, before: datetime, kept: timedelta) -> list[int]:
    """Return the old months of a table as the keys of their partitions, oldest first."""
    sql = statement("old_months", table=full_name(table), moment=moment)
    months = [month for (month,) in open_warehouse().query(sql, {"month": _month(before)})]
    if not months:
        return []
    ((newest,),) = open_warehouse().query(statement("newest_row", table=full_name(table), moment=moment))
    return [month for month in months if month < _month(newest - kept)]


def _month(moment: date) -> int:
    """Return the key of a month's partition, as toYYYYMM does."""
    return moment.year * 100 + moment.month
