-- A user's attributes by his own rows of a day, in either table (a message's are its sender's).
SELECT toDate(%(date)s), person, count(), {user_values}
FROM (
    SELECT toUInt64(ifNull(user_id, 0)) AS person, {columns} FROM {feed}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    UNION ALL
    SELECT toUInt64(ifNull(user_id, 0)) AS person, {columns} FROM {messages}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
)
GROUP BY person
