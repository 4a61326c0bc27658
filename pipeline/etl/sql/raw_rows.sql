-- Rows of both source tables by quarter of an hour since 1970; a day of any zone is a sum of quarters.
SELECT quarter, sum(feed_rows), sum(message_rows)
FROM (
    SELECT intDiv(toUInt32({feed_time}), 900) AS quarter, count() AS feed_rows, toUInt64(0) AS message_rows
    FROM {feed}
    WHERE {feed_time} >= toDateTime(%(start)s, 'UTC') AND {feed_time} < toDateTime(%(end)s, 'UTC')
    GROUP BY quarter
    UNION ALL
    SELECT intDiv(toUInt32({message_time}), 900) AS quarter, toUInt64(0) AS feed_rows, count() AS message_rows
    FROM {messages}
    WHERE {message_time} >= toDateTime(%(start)s, 'UTC') AND {message_time} < toDateTime(%(end)s, 'UTC')
    GROUP BY quarter
)
GROUP BY quarter
