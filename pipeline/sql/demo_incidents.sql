CREATE TABLE IF NOT EXISTS {database}.incidents_truth
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
