"""feedpulse: Luigi tasks over ClickHouse events (`luigi --module pipeline NAME`)."""

from pipeline import logs, tasks

__all__ = ["tasks"]

logs.install()
