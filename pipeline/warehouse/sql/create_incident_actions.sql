-- Presses of buttons. The action is acknowledge, mute, unmute, false_alarm, new_normal or reopen; without an incident it
-- says why the press was not applied. The channel names its queue (telegram:123456, the bot), which assigns update_number.
-- A mute or unmute by `feedpulse mute` has a metric in place of an incident: the program adds metric, until and why.
CREATE TABLE IF NOT EXISTS {table} (
    incident_id String,
    action String,
    person String,
    at DateTime('UTC'),
    channel String,
    update_number UInt64
) ENGINE = ReplacingMergeTree ORDER BY (channel, update_number)
