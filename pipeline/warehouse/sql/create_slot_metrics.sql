-- The metrics of a slot, in total and by slice: value = numerator / denominator (1 for a count).
CREATE TABLE IF NOT EXISTS {table} (
    slot DateTime('UTC'),
    metric String,
    dimension String,
    dimension_value String,
    numerator UInt64,
    denominator UInt64
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (dimension, metric, dimension_value, slot)
