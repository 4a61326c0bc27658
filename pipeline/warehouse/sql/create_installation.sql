-- What belongs to this installation and what its loads depend on (see ownership.py). The greatest version is valid.
CREATE TABLE IF NOT EXISTS {table} (
    item String,
    value String,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY item
