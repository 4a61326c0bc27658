SELECT
    toDate(%(date)s), %(dimension)s, {column},
    sum(views), sum(likes), sum(messages_received), sum(messages_sent), sum(users_received), sum(users_sent)
FROM {user_day}
WHERE event_date = toDate(%(date)s)
GROUP BY {column}
