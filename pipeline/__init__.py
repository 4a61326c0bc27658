"""feedpulse: Luigi tasks over ClickHouse events (`luigi --module pipeline NAME`)."""

import gc

from pipeline import tasks
from pipeline.core import logs

__all__ = ["tasks"]

logs.install()
# What is imported by now lives as long as the process: the collector need not go through it again and again.
gc.freeze()
