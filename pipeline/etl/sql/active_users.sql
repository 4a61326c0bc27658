SELECT toDate(%(date)s), user_id FROM {feed_user_day} WHERE event_date = toDate(%(date)s) AND feed_events > 0
