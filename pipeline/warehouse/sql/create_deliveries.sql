-- Sent messages: a row 'pending' before sending, and a row 'sent' with the message id afterwards.
CREATE TABLE IF NOT EXISTS {table} (
    message_key String,
    channel String,
    address String,
    state String,
    message_id String,
    at DateTime('UTC')
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (message_key, channel, address, state)
