-- Zero totals for every slot, so that a table without new rows counts as zero instead of being missing. So do sub-slots.
SELECT slot, slice.1 AS dimension, slice.2 AS dimension_value, measure.1 AS metric, measure.2 AS numerator, measure.3 AS denominator
FROM (
    SELECT
        toDateTime({first} + arrayJoin(range({slots})) * 900, 'UTC') AS slot,
        arrayJoin([{slices}]) AS slice,
        [{measures}] AS measures
)
ARRAY JOIN measures AS measure
