-- Markers: what is done, with the raw rows that the load saw; the greatest version is the state (done or dropped).
CREATE TABLE IF NOT EXISTS {table} (
    update_id String,
    target_table String,
    inserted DateTime('UTC'),
    done UInt8,
    feed_rows UInt64,
    message_rows UInt64,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY update_id
