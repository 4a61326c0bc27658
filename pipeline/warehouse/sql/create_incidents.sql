-- The life of incidents: a row for each slot in which one is open or ends; the newest row is its state. metric is the
-- first that deviated. outcome and details (JSON: every metric and slice of it) are added to it.
CREATE TABLE IF NOT EXISTS {table} (
    incident_id String,
    slot DateTime('UTC'),
    metric String,
    opened DateTime('UTC'),
    last_anomaly DateTime('UTC'),
    state String,
    good_slots UInt32,
    notified UInt8
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (incident_id, slot)
