-- A user's attributes by his own rows of a day, in either table (a message's are its sender's).
SELECT toDate(%(date)s), person, sum(of_feed), sum(1 - of_feed), {user_values}
FROM (
    SELECT toUInt64(ifNull(user_id, 0)) AS person, 1 AS of_feed, {columns} FROM {feed}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    UNION ALL
    SELECT toUInt64(ifNull(user_id, 0)) AS person, 0 AS of_feed, {columns} FROM {messages}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
)
GROUP BY person
