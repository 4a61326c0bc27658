SELECT
    event_date, dimension, dimension_value,
    views, likes, messages_received, messages_sent, users_received, users_sent
FROM {slice_day}
WHERE event_date = toDate(%(date)s) AND dimension IN %(dimensions)s
