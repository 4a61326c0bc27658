-- What a loaded day must add up to: feed rows, views and likes; message rows and distinct (sender, recipient) pairs.
SELECT sum(feed_rows), sum(views), sum(likes), sum(message_rows), sum(pairs)
FROM (
    SELECT
        count() AS feed_rows,
        ifNull(sum({action} = 'view'), 0) AS views,
        ifNull(sum({action} = 'like'), 0) AS likes,
        toUInt64(0) AS message_rows,
        toUInt64(0) AS pairs
    FROM {feed}
    WHERE {feed_time} >= toDateTime(%(start)s, 'UTC') AND {feed_time} < toDateTime(%(end)s, 'UTC')
    UNION ALL
    SELECT
        toUInt64(0) AS feed_rows,
        toUInt64(0) AS views,
        toUInt64(0) AS likes,
        count() AS message_rows,
        uniqExact({pair}) AS pairs
    FROM {messages}
    WHERE {message_time} >= toDateTime(%(start)s, 'UTC') AND {message_time} < toDateTime(%(end)s, 'UTC')
)
