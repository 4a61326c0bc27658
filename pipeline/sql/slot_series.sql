-- Total series as arrays, one row a metric: fewer rows to decode.
SELECT metric, groupArray(toUInt32(toUnixTimestamp(slot))), groupArray(numerator), groupArray(denominator)
FROM {slot_metrics} FINAL
WHERE dimension = 'total' AND metric IN %(metrics)s
    AND slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
GROUP BY metric
