-- The source's message table, as the demo fills it: user_id is the sender.
CREATE TABLE IF NOT EXISTS {table}
(
    user_id UInt32,
    {recipient} UInt32,
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
