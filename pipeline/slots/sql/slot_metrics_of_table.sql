-- One source table's part of slot_metrics.
-- WHERE drops NULL times. Server 18.16 cannot unite a Nullable slot of one table with a plain one of the other.
SELECT slot, slice.1 AS dimension, slice.2 AS dimension_value, measure.1 AS metric, measure.2 AS numerator, measure.3 AS denominator
FROM (
    SELECT
        toDateTime(intDiv(toUInt32(toUnixTimestamp(assumeNotNull(time))), 900) * 900, 'UTC') AS slot,
        arrayJoin([{slices}]) AS slice,
        [{measures}] AS measures
    FROM {source}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    GROUP BY slot, slice
)
ARRAY JOIN measures AS measure
