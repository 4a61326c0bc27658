-- The sums of a day's rows by dimension, in the result or in a scratch table.
SELECT
    dimension, sum(views), sum(likes), sum(messages_received), sum(messages_sent), sum(users_received), sum(users_sent)
FROM {table}
WHERE event_date = toDate(%(date)s)
GROUP BY dimension
