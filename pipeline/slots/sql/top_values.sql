SELECT {value} AS top_value FROM {source}
WHERE {time} >= toDateTime(%(top_from)s, 'UTC') AND {time} < toDateTime(%(top_to)s, 'UTC')
GROUP BY top_value ORDER BY count() DESC, top_value LIMIT {count}
