-- The source's feed table, as the demo fills it.
CREATE TABLE IF NOT EXISTS {table}
(
    user_id UInt32,
    post_id UInt32,
    action String,
    time DateTime,
    gender Int8,
    age Int16,
    country String,
    city String,
    os String,
    source String,
    exp_group Int8
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (time, user_id)
