-- The values of `action` in the rows since a time, the most frequent first, with their rows and users.
SELECT ifNull(toString({action}), 'NULL') AS name, count() AS rows, uniq({user_id}) AS users
FROM {table}
WHERE {time} >= toDateTime(%(start)s, 'UTC')
GROUP BY name
ORDER BY rows DESC, name
LIMIT 100
