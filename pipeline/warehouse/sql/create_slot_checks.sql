-- Every check. verdict: 'ok', 'anomaly', 'no data' or 'no history'. A missing number is NaN.
-- spoke: what has the score. If it is the 'least' or the 'greatest' sub-slot, the others are the minute of the slot at
-- which it begins, its length and its value.
CREATE TABLE IF NOT EXISTS {table} (
    slot DateTime('UTC'),
    metric String,
    dimension String,
    dimension_value String,
    detector String,
    value Float64,
    expected Float64,
    lower Float64,
    upper Float64,
    score Float64,
    verdict String
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (slot, metric, dimension, dimension_value)
