-- A metric by slice, on each day; ages are grouped like those of slots.
SELECT event_date, dimension, slice_value, toInt64(sum(slice_numerator)), toInt64(sum(slice_denominator))
FROM (
    SELECT
        event_date,
        dimension,
        {value} AS slice_value,
        {numerator} AS slice_numerator,
        {denominator} AS slice_denominator
    FROM {daily_metrics}
    WHERE event_date BETWEEN toDate(%(first)s) AND toDate(%(last)s)
)
GROUP BY event_date, dimension, slice_value
ORDER BY event_date, dimension, slice_value
