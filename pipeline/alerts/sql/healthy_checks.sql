SELECT toUInt32(toUnixTimestamp(slot)), metric, dimension, dimension_value FROM {slot_checks} FINAL
WHERE slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC') AND verdict = 'ok'
