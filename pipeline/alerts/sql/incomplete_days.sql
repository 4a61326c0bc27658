-- The days on which a metric was too low because rows were missing.
SELECT DISTINCT event_date, metric FROM {day_checks} FINAL
WHERE event_date >= toDate(%(first)s) AND event_date < toDate(%(last)s) AND verdict = 'incomplete' AND dimension = 'total'
