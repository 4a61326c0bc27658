-- What people said of an incident by a button: ack, mute, false_alarm or new_normal. update_number is the channel's.
CREATE TABLE IF NOT EXISTS {table} (
    incident_id String,
    action String,
    person String,
    at DateTime('UTC'),
    channel String,
    update_number UInt64
) ENGINE = ReplacingMergeTree ORDER BY (channel, update_number)
