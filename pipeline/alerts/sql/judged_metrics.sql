-- Which metrics had enough history to be checked.
SELECT DISTINCT metric FROM {slot_checks}
WHERE slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
    AND dimension = 'total' AND metric IN %(metrics)s AND verdict IN ('ok', 'anomaly', 'planned')
ORDER BY metric
