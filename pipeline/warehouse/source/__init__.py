"""The source: the two tables of raw events, which columns of theirs can be read, and what mends those that cannot."""

from pipeline.warehouse.source.events import AHEAD, LEAST_TIME, Pair, Source, source, table_name

__all__ = ["AHEAD", "LEAST_TIME", "Pair", "Source", "source", "table_name"]
