-- Raw rows of a slot, as a run counted them; a later run adds a row only if the count changed. lag_seconds is how long
-- slots of this table keep growing, as that run knew it.
CREATE TABLE IF NOT EXISTS {table} (
    slot DateTime('UTC'),
    source_table String,
    counted_at DateTime('UTC'),
    rows UInt64,
    lag_seconds UInt32
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (source_table, slot, counted_at)
