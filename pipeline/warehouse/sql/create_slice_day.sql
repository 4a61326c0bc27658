-- Staging: one partition per day and dimension.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    dimension String,
    dimension_value String,
    views UInt64,
    likes UInt64,
    messages_received UInt64,
    messages_sent UInt64,
    users_received UInt64,
    users_sent UInt64
) ENGINE = MergeTree PARTITION BY (event_date, dimension) ORDER BY dimension_value
