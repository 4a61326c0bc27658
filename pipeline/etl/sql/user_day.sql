-- Every user of either extract, with attributes from own rows of the day, else from the days before (look_back.sql).
-- Both extracts have one row per user, so joining them is cheaper than grouping their union by user.
-- Where a join has no match, columns are 0 or '', or NULL if the server's profile sets join_use_nulls.
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
