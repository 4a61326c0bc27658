-- Raw rows by slot; slots without any are absent.
SELECT toUInt32(intDiv(toUInt32(toUnixTimestamp({time})), 900) * 900) AS slot_seconds, count()
FROM {source}
WHERE {time} >= toDateTime(%(start)s, 'UTC') AND {time} < toDateTime(%(end)s, 'UTC')
GROUP BY slot_seconds
