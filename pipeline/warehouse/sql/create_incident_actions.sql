-- Button presses on incidents: ack, mute, false_alarm or new_normal. The channel assigns update_number.
CREATE TABLE IF NOT EXISTS {table} (
    incident_id String,
    action String,
    person String,
    at DateTime('UTC'),
    channel String,
    update_number UInt64
) ENGINE = ReplacingMergeTree ORDER BY (channel, update_number)
