-- The values of `action` in the rows since a time, the most frequent first.
SELECT ifNull(toString(action), 'NULL') AS name, count() AS rows
FROM {table}
WHERE time >= toDateTime(%(start)s, 'UTC')
GROUP BY name
ORDER BY rows DESC, name
LIMIT 100
