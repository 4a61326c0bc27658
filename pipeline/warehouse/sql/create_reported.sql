-- The numbers that the report of a day shows: correction 0 is the report as it was sent, the others its corrections.
-- A missing number is NaN.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
    correction UInt32,
    metric String,
    value Float64,
    at DateTime('UTC')
) ENGINE = ReplacingMergeTree(at) PARTITION BY toYYYYMM(at) ORDER BY (event_date, correction, metric)
