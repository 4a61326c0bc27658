-- The tables as commit a8dac06 created them, and a few rows that it wrote. user_attributes and user_day have no column
-- `age`: here it is a dimension that was added later. Every semicolon ends a statement.
CREATE TABLE {database}.feed_user_day (
    event_date Date,
    user_id UInt64,
    feed_events UInt64,
    views UInt64,
    likes UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id;
CREATE TABLE {database}.message_user_day (
    event_date Date,
    user_id UInt64,
    messages_received UInt64,
    messages_sent UInt64,
    users_received UInt64,
    users_sent UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id;
CREATE TABLE {database}.user_attributes (
    event_date Date,
    user_id UInt64,
    events UInt64,
    os String,
    gender String
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id;
CREATE TABLE {database}.user_day (
    event_date Date,
    user_id UInt64,
    feed_events UInt64,
    views UInt64,
    likes UInt64,
    messages_received UInt64,
    messages_sent UInt64,
    users_received UInt64,
    users_sent UInt64,
    os String,
    gender String
) ENGINE = MergeTree PARTITION BY event_date ORDER BY user_id;
CREATE TABLE {database}.slice_day (
    event_date Date,
    dimension String,
    dimension_value String,
    views UInt64,
    likes UInt64,
    messages_received UInt64,
    messages_sent UInt64,
    users_received UInt64,
    users_sent UInt64
) ENGINE = MergeTree PARTITION BY (event_date, dimension) ORDER BY dimension_value;
CREATE TABLE {database}.daily_metrics (
    event_date Date,
    dimension String,
    dimension_value String,
    views UInt64,
    likes UInt64,
    messages_received UInt64,
    messages_sent UInt64,
    users_received UInt64,
    users_sent UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY (dimension, dimension_value);
CREATE TABLE {database}.daily_totals (
    event_date Date,
    metric String,
    numerator UInt64,
    denominator UInt64
) ENGINE = MergeTree PARTITION BY event_date ORDER BY metric;
CREATE TABLE {database}.slot_metrics (
    slot DateTime('UTC'),
    metric String,
    dimension String,
    dimension_value String,
    numerator UInt64,
    denominator UInt64
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (dimension, metric, dimension_value, slot);
CREATE TABLE {database}.slot_checks (
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
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (slot, metric, dimension, dimension_value);
CREATE TABLE {database}.incidents (
    incident_id String,
    slot DateTime('UTC'),
    metric String,
    opened DateTime('UTC'),
    last_anomaly DateTime('UTC'),
    state String,
    good_slots UInt32,
    notified UInt8
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(slot) ORDER BY (incident_id, slot);
CREATE TABLE {database}.deliveries (
    message_key String,
    channel String,
    address String,
    state String,
    message_id String,
    at DateTime('UTC')
) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (message_key, channel, address, state);
CREATE TABLE {database}.table_updates (
    update_id String,
    target_table String,
    inserted DateTime('UTC'),
    done UInt8,
    feed_rows UInt64,
    message_rows UInt64,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY update_id;
INSERT INTO {database}.user_attributes SELECT toDate('2026-11-10'), 999999, 1, 'Plan 9', '1';
INSERT INTO {database}.daily_metrics SELECT toDate('2026-11-10'), 'os', 'Plan 9', 3, 1, 0, 0, 0, 0;
INSERT INTO {database}.daily_totals SELECT toDate('2026-11-10'), 'views', 3, 1;
-- Versions were nanoseconds. Target and time of a marker are not read.
INSERT INTO {database}.table_updates
SELECT concat(arrayJoin(['user_attributes', 'daily_metrics']), ':2026-11-10:v1'), '',
    toDateTime('2026-11-11 01:00:00', 'UTC'), 1, {feed_rows}, {message_rows}, 1794358800123456789;
INSERT INTO {database}.incidents
SELECT 'messages_sent:2026-11-12T0700', slot, 'messages_sent',
    toDateTime('2026-11-12 07:00:00', 'UTC'), slot, 'open', 0, 1
FROM (SELECT arrayJoin([toDateTime('2026-11-12 07:00:00', 'UTC'), toDateTime('2026-11-12 08:45:00', 'UTC')]) AS slot);
INSERT INTO {database}.deliveries
SELECT 'alert-messages_sent:2026-11-12T0700', 'outbox', 'outbox', 'sent', '1', toDateTime('2026-11-12 07:15:00', 'UTC');
