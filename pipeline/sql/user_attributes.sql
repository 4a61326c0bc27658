-- A user's attributes by his own rows of a day, in either table (a message's are its sender's).
SELECT toDate(%(date)s), person, sum(feed_events), sum(message_events), {values}
FROM (
    SELECT toUInt64(ifNull(user_id, 0)) AS person, count() AS feed_events, toUInt64(0) AS message_events, {greatest}
    FROM {feed}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    GROUP BY ifNull(user_id, 0)
    UNION ALL
    SELECT toUInt64(ifNull(user_id, 0)) AS person, toUInt64(0) AS feed_events, count() AS message_events, {greatest}
    FROM {messages}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    GROUP BY ifNull(user_id, 0)
)
GROUP BY person
