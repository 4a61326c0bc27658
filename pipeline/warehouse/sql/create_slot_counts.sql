-- Raw rows of a slot at the time of a run. A later run adds a row only if the count changed. lag_seconds is how long
-- after its end a slot of the source table still received rows, as known at that run.
CREATE TABLE IF NOT EXISTS {table} (
    slot DateTime('UTC'),
    source_table String,
    counted_at DateTime('UTC'),
    rows UInt64,
    lag_seconds UInt32
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (source_table, slot, counted_at)
