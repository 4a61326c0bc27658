-- Series as arrays, one row a series: fewer rows to decode. Slices only where they count `least` events or more.
SELECT
    metric, dimension, dimension_value,
    groupArray(toUInt32(toUnixTimestamp(slot))), groupArray(numerator), groupArray(denominator)
FROM {slot_metrics} FINAL
WHERE dimension IN %(dimensions)s AND metric IN %(metrics)s
    AND slot >= toDateTime(if(dimension = 'total', %(start)s, %(slices_from)s), 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
GROUP BY metric, dimension, dimension_value
HAVING dimension = 'total' OR sum(numerator) >= %(least)s
ORDER BY metric, dimension, dimension_value
