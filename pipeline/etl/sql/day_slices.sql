-- Views and likes by slice, of a day and of another.
SELECT dimension, dimension_value, event_date, views, likes FROM {daily_metrics}
WHERE event_date IN (toDate(%(day)s), toDate(%(before)s))
