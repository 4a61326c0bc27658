SELECT DISTINCT dimension
FROM
(
    SELECT slot, metric, dimension FROM {slot_metrics} FINAL
    WHERE dimension NOT IN %(whole)s AND slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
    GROUP BY slot, metric, dimension
    HAVING count() >= %(most)s
)
ORDER BY dimension
