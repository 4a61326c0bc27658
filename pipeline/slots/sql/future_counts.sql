-- Slots after a slot that were counted, and how many of them have rows.
SELECT uniqExact(slot), uniqExactIf(slot, rows > 0) FROM {slot_counts} WHERE slot > toDateTime(%(slot)s, 'UTC')
