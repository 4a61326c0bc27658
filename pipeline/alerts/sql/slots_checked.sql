SELECT uniqExact(slot) FROM {slot_checks}
WHERE slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
