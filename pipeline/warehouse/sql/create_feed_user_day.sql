-- Staging: one partition a day. `feed_events` counts every row of the user, also of unknown actions.
-- A column for each daily dimension is added by the program. Days are read whole: an order would only cost time.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64,
    feed_events UInt64,
    views UInt64,
    likes UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY tuple()
