-- Metrics summed over measured slots, and the number of slots.
SELECT metric, count(), sum(numerator), sum(denominator)
FROM {slot_metrics} FINAL
WHERE dimension = 'total' AND metric IN %(metrics)s
    AND slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
GROUP BY metric
