-- A day's metrics over all users: value = numerator / denominator (1 for a count).
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    metric String,
    numerator UInt64,
    denominator UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY metric
