-- Who sends or edits a message at an address, and what the message shows there. The items are:
-- 'claim MACHINE' with the state open, over or failed; 'copy ID' of each message that was sent, with the state there or
-- gone; 'shown' with the version that the channel last confirmed. Of a claim the version is a random number: a
-- replicated table would ignore a row that it had before.
CREATE TABLE IF NOT EXISTS {table} (
    message_key String,
    channel String,
    address String,
    item String,
    state String,
    version String,
    at DateTime('UTC')
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (message_key, channel, address, item)
