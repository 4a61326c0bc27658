-- On how many days before a time each metric is known, at the time of day at which it is known most often.
SELECT metric, max(days)
FROM (
    SELECT metric, toUInt32(slot) %% 86400 AS time_of_day, count() AS days
    FROM {slot_metrics} FINAL
    WHERE dimension = 'total' AND metric IN %(metrics)s AND denominator > 0
        AND slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
    GROUP BY metric, time_of_day
)
GROUP BY metric
