-- Raw rows of a slot as a run counted them; a further row only where the slot had grown since. lag_seconds is what the
-- run knew of how long slots of this table keep growing.
CREATE TABLE IF NOT EXISTS {table} (
    slot DateTime('UTC'),
    source_table String,
    counted_at DateTime('UTC'),
    rows UInt64,
    lag_seconds UInt32
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (source_table, slot, counted_at)
