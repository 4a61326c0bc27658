-- Every user of either table, with his attributes: by his own rows of the day, else by `look_back` (look_back.sql).
-- Both tables hold a user once, so to join them is cheaper than to group their union by user.
-- What a join does not find is 0 or '', or NULL where a server's profile says join_use_nulls.
SELECT
    toDate(%(date)s),
    user_id,
    ifNull(feed_events, 0),
    ifNull(views, 0),
    ifNull(likes, 0),
    ifNull(messages_received, 0),
    ifNull(messages_sent, 0),
    ifNull(users_received, 0),
    ifNull(users_sent, 0),
    {chosen_attributes}
FROM (
    SELECT
        user_id, feed_events, views, likes, messages_received, messages_sent, users_received, users_sent,
        {own_attributes}
    FROM (
        SELECT user_id, feed_events, views, likes, {feed_attributes}
        FROM {feed_user_day} WHERE event_date = toDate(%(date)s)
    )
    ALL FULL JOIN (
        SELECT user_id, messages_received, messages_sent, users_received, users_sent, {message_attributes}
        FROM {message_user_day} WHERE event_date = toDate(%(date)s)
    ) USING (user_id)
)
{look_back}
