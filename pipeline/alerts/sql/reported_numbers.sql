SELECT event_date, correction, toUInt32(toUnixTimestamp(at)), metric, value
FROM {reported} FINAL
WHERE event_date BETWEEN toDate(%(first)s) AND toDate(%(last)s)
ORDER BY event_date, correction
