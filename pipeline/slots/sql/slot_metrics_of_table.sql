-- One source table's part of slot_metrics.
-- WHERE drops NULL times; assumeNotNull is for server 18.16, which refuses UNION ALL of a Nullable and a plain slot.
SELECT slot, slice.1 AS dimension, slice.2 AS dimension_value, measure.1 AS metric, measure.2 AS numerator, measure.3 AS denominator
FROM (
    SELECT
        toDateTime(intDiv(toUInt32(toUnixTimestamp(assumeNotNull({time}))), 900) * 900, 'UTC') AS slot,
        arrayJoin([{slices}]) AS slice,
        [{measures}] AS measures
    FROM {source}
    WHERE {time} >= toDateTime(%(start)s, 'UTC') AND {time} < toDateTime(%(end)s, 'UTC')
    GROUP BY slot, slice
)
ARRAY JOIN measures AS measure
