-- A metric by a dimension that slot_metrics does not contain. Stretch 0 is the incident's slots, stretch n the same slots
-- n days before.
-- Of very many values the most frequent are read: a rarer one explains little.
-- No SELECT *: it would not include ALIAS columns.
SELECT
    {stretch} AS stretch,
    {value} AS slice_value,
    toUInt64({numerator}) AS slice_numerator,
    toUInt64({denominator}) AS slice_denominator
FROM {source}
WHERE {chosen}
GROUP BY stretch, slice_value
ORDER BY slice_denominator DESC, slice_numerator DESC, slice_value
LIMIT %(most)s BY stretch
