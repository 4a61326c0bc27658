-- Alert messages that made a sound: posts and replies, however many addresses have them.
SELECT uniqExact(message_key) FROM {deliveries}
WHERE state = 'sent' AND message_key LIKE 'alert-%%'
    AND at >= toDateTime(%(start)s, 'UTC') AND at < toDateTime(%(end)s, 'UTC')
