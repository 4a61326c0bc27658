-- The newest count of each slot; not those of a clock that was ahead.
SELECT source_table, slot, argMax(rows, counted_at) FROM {slot_counts} FINAL
WHERE slot >= toDateTime(%(start)s, 'UTC') AND counted_at <= toDateTime(%(until)s, 'UTC')
GROUP BY source_table, slot
