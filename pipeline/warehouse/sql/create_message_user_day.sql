-- Staging: one partition per day. users_received counts distinct senders to the user, users_sent distinct recipients.
-- The program adds a column for each daily dimension. Whole days are read, so a sorting key would only cost time.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64,
    messages_received UInt64,
    messages_sent UInt64,
    users_received UInt64,
    users_sent UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY tuple()
