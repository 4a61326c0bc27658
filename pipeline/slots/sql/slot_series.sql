-- Series as arrays, one row per series, which is cheap to decode. A slot's place in the array is its number since
-- `first`; -1 marks a missing slot. Only ratios get denominators: those of counts are 1. Slices with fewer than `least`
-- events are left out.
SELECT
    metric, dimension, dimension_value,
    groupArrayInsertAt(-1)(toInt64(numerator), place),
    groupArrayInsertAtIf(-1)(toInt64(denominator), place, metric IN %(ratios)s)
FROM
(
    SELECT
        metric, dimension, dimension_value, numerator, denominator,
        toDateTime(if(dimension = 'total', %(start)s, %(slices_from)s), 'UTC') AS first,
        toUInt32(intDiv(toUnixTimestamp(slot) - toUnixTimestamp(first), 900)) AS place
    FROM {slot_metrics} FINAL
    WHERE dimension IN %(dimensions)s AND metric IN %(metrics)s
        AND slot >= first AND slot < toDateTime(%(end)s, 'UTC')
)
GROUP BY metric, dimension, dimension_value
HAVING dimension = 'total' OR sum(numerator) >= %(least)s
ORDER BY metric, dimension, dimension_value
