-- The slots, as Unix seconds, that have rows of a dimension.
SELECT metric, groupUniqArray(toUInt32(toUnixTimestamp(slot)))
FROM {slot_metrics}
WHERE dimension = %(dimension)s AND metric IN %(metrics)s
    AND slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
GROUP BY metric
