-- The users of the feed by day, for metrics that look at several days. Kept as long as the report needs them.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    user_id UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id
