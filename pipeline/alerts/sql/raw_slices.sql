-- A metric by a dimension that slot_metrics does not contain. Stretch 0 is the incident's slots, stretch n the same slots
-- n days before.
-- No SELECT *: it would not include ALIAS columns.
SELECT
    {stretch} AS stretch,
    {value} AS slice_value,
    toUInt64({numerator}) AS slice_numerator,
    toUInt64({denominator}) AS slice_denominator
FROM {source}
WHERE {chosen}
GROUP BY stretch, slice_value
