-- Staging: one partition a day. `events` counts every row of the user, also of unknown actions.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64,
    feed_events UInt64,
    views UInt64,
    likes UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id
