-- Series as arrays, one row per series, which is cheap to decode. A slot's place in the array is its number since
-- `first`; -1 marks a missing slot. Only ratios get denominators: those of counts are 1. Only sub-slots get the minutes
-- at which they begin. Slices with fewer than `least` events are left out, and so are sub-slots of other lengths than
-- that which a metric's events from `start` to `known_to` choose.
SELECT
    metric, dimension, dimension_value,
    groupArrayInsertAt(-1)(toInt64(numerator), place),
    groupArrayInsertAtIf(-1)(toInt64(denominator), place, metric IN %(ratios)s),
    groupArrayInsertAtIf(-1)(toInt64(minute), place, dimension IN %(lengths)s)
FROM
(
    SELECT
        metric, dimension, dimension_value, numerator, denominator, {minute},
        toDateTime(if(dimension = 'total' OR dimension IN %(lengths)s, %(start)s, %(slices_from)s), 'UTC') AS first,
        toUInt32(intDiv(toUnixTimestamp(slot) - toUnixTimestamp(first), 900)) AS place
    FROM {slot_metrics} FINAL
    WHERE dimension IN %(dimensions)s AND metric IN %(metrics)s
        AND slot >= first AND slot < toDateTime(%(end)s, 'UTC')
        AND (dimension NOT IN %(lengths)s OR (metric, dimension) IN (
            SELECT metric, {chosen} FROM {slot_metrics} FINAL
            WHERE dimension = 'total' AND metric IN %(metrics)s
                AND slot >= toDateTime(%(known_from)s, 'UTC') AND slot < toDateTime(%(known_to)s, 'UTC')
            GROUP BY metric
        ))
)
GROUP BY metric, dimension, dimension_value
HAVING dimension = 'total' OR dimension IN %(lengths)s OR sum(numerator) >= %(least)s
ORDER BY metric, dimension, dimension_value
