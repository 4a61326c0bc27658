-- Every check of a day. verdict: as in slot_checks; 'told' for what slots have told, 'incomplete' for a fall on a day
-- that lacks rows. A missing number is NaN. A day that is loaded again is checked again.
CREATE TABLE IF NOT EXISTS {table} (
    event_date Date,
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
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(event_date) ORDER BY (event_date, metric, dimension, dimension_value)
