-- Each user's attributes from own rows of a day, in either extract. A message is a row of its sender.
SELECT toDate(%(date)s), user_id, {values}
FROM (
    SELECT user_id, {attributes} FROM {feed_user_day} WHERE event_date = toDate(%(date)s)
    UNION ALL
    SELECT user_id, {attributes} FROM {message_user_day} WHERE event_date = toDate(%(date)s) AND messages_sent > 0
)
GROUP BY user_id
