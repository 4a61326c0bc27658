-- Markers: which loads are done, with the raw rows that each read. The greatest version is valid (see markers.py).
CREATE TABLE IF NOT EXISTS {table} (
    update_id String,
    target_table String,
    inserted DateTime('UTC'),
    done UInt8,
    feed_rows UInt64,
    message_rows UInt64,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY update_id
