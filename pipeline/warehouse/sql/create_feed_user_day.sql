-- Staging: one partition per day. feed_events counts every row of the user, unknown actions included.
-- The program adds a column for each daily dimension. Whole days are read, so a sorting key would only cost time.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64,
    feed_events UInt64,
    views UInt64,
    likes UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY tuple()
