-- Staging: one partition per day, one row for each user of either extract.
-- The program adds a column for each daily dimension. Whole days are read, so a sorting key would only cost time.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64,
    feed_events UInt64,
    views UInt64,
    likes UInt64,
    messages_received UInt64,
    messages_sent UInt64,
    users_received UInt64,
    users_sent UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY tuple()
