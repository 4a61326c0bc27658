-- Presses of buttons. The action is acknowledge, mute, false_alarm or new_normal; without an incident it says why the
-- press was not applied. The channel names its queue (telegram:123456, the bot), which assigns update_number.
CREATE TABLE IF NOT EXISTS {table} (
    incident_id String,
    action String,
    person String,
    at DateTime('UTC'),
    channel String,
    update_number UInt64
) ENGINE = ReplacingMergeTree ORDER BY (channel, update_number)
