-- A part of user_day.sql: the most recent attributes in the days before.
ANY LEFT JOIN (
    -- Few users lack an attribute; looking up only these halves the cost.
    SELECT user_id, {latest_attributes}
    FROM {user_attributes}
    WHERE event_date >= toDate(%(since)s) AND event_date < toDate(%(date)s) AND user_id IN (
        SELECT user_id FROM {feed_user_day} WHERE event_date = toDate(%(date)s) AND ({may_lack})
        UNION ALL
        SELECT user_id FROM {message_user_day} WHERE event_date = toDate(%(date)s) AND ({may_lack})
    )
    GROUP BY user_id
) USING (user_id)
