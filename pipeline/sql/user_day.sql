-- Every user of either table, with his most recent known attributes.
SELECT
    toDate(%(date)s),
    user_id,
    sum(feed_events),
    sum(views),
    sum(likes),
    sum(received),
    sum(sent),
    sum(from_users),
    sum(to_users),
    {latest_attributes}
FROM (
    SELECT
        user_id, 1 AS active, feed_events, views, likes,
        toUInt64(0) AS received, toUInt64(0) AS sent, toUInt64(0) AS from_users, toUInt64(0) AS to_users,
        {no_attributes}, toDate(0) AS seen
    FROM {feed_user_day} WHERE event_date = toDate(%(date)s)
    UNION ALL
    SELECT
        user_id, 1 AS active, toUInt64(0) AS feed_events, toUInt64(0) AS views, toUInt64(0) AS likes,
        messages_received AS received, messages_sent AS sent, users_received AS from_users, users_sent AS to_users,
        {no_attributes}, toDate(0) AS seen
    FROM {message_user_day} WHERE event_date = toDate(%(date)s)
    UNION ALL
    SELECT
        user_id, 0 AS active, toUInt64(0) AS feed_events, toUInt64(0) AS views, toUInt64(0) AS likes,
        toUInt64(0) AS received, toUInt64(0) AS sent, toUInt64(0) AS from_users, toUInt64(0) AS to_users,
        {attributes}, event_date AS seen
    FROM {user_attributes} WHERE event_date BETWEEN toDate(%(since)s) AND toDate(%(date)s)
)
GROUP BY user_id
HAVING max(active) = 1
