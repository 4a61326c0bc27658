-- The result. users_received and users_sent sum up the distinct counts of each user; they do not count distinct users.
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
) ENGINE = MergeTree PARTITION BY event_date ORDER BY (dimension, dimension_value)
