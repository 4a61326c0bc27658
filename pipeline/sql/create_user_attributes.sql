-- Staging: one partition a day, kept as long as attributes are looked back for.
-- A column for each daily dimension is added by the program.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64,
    feed_events UInt64,
    message_events UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id
