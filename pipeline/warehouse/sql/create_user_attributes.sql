-- Staging: one partition a day, a row for each user with rows of his own that day; '' is unknown.
-- A column for each daily dimension is added by the program.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id
