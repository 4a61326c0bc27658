SELECT * FROM {daily_metrics}
WHERE event_date = {day} AND dimension != 'age'
ORDER BY dimension, dimension_value
