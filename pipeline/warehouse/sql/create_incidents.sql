-- The history of incidents: one row for each slot in which the incident is open or ends; the newest row is its state.
-- metric is the first one that deviated. The program adds outcome and details (JSON: every metric and slice).
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
