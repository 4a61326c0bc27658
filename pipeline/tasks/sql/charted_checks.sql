-- The usual range of metrics in total, as each slot was checked.
SELECT toUInt32(toUnixTimestamp(slot)), metric, lower, upper
FROM {slot_checks} FINAL
WHERE slot >= toDateTime(%(start)s, 'UTC') AND slot <= toDateTime(%(end)s, 'UTC')
    AND dimension = 'total' AND metric IN %(metrics)s AND isFinite(expected)
