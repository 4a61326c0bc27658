-- Staging: one partition per day, one row for each user with own rows on that day. '' means unknown.
-- The program adds a column for each daily dimension.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id
