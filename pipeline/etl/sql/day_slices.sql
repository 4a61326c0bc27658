-- A metric by slice, of a day and of another.
SELECT dimension, dimension_value, event_date = toDate(%(day)s), toInt64({numerator}), toInt64({denominator})
FROM {daily_metrics}
WHERE event_date IN (toDate(%(day)s), toDate(%(before)s))
