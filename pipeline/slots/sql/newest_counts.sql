-- The newest count of each slot.
SELECT source_table, slot, argMax(rows, counted_at) FROM {slot_counts} FINAL
WHERE slot >= toDateTime(%(start)s, 'UTC')
GROUP BY source_table, slot
