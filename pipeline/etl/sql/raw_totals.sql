-- A day's metrics from the events of one source table.
SELECT total.1, total.2, total.3
FROM (
    SELECT arrayJoin([{measures}]) AS total
    FROM {source}
    WHERE {time} >= toDateTime(%(start)s, 'UTC') AND {time} < toDateTime(%(end)s, 'UTC')
)
