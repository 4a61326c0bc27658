-- The demo's incidents: a row per incident and metric that it changes; size is the relative change.
CREATE TABLE IF NOT EXISTS {table}
(
    kind String,
    start_time DateTime('UTC'),
    end_time DateTime('UTC'),
    metric String,
    dimension String,
    dimension_value String,
    size Float64
)
ENGINE = MergeTree
ORDER BY (start_time, metric)
