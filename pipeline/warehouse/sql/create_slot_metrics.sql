-- The metrics of a slot, in total and by slice: value = numerator / denominator (1 for a count). The dimensions
-- '1 minute', '3 minutes' and '5 minutes' have the least and the greatest part of the slot of this length, and the
-- minute of the slot at which it begins.
CREATE TABLE IF NOT EXISTS {table} (
    slot DateTime('UTC'),
    metric String,
    dimension String,
    dimension_value String,
    numerator UInt64,
    denominator UInt64
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (dimension, metric, dimension_value, slot)
