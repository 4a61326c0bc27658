-- A metric by slice, on a day and on the day that it is compared with.
SELECT dimension, dimension_value, event_date = toDate(%(day)s), toInt64({numerator}), toInt64({denominator})
FROM {daily_metrics}
WHERE event_date IN (toDate(%(day)s), toDate(%(before)s))
