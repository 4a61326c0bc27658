-- Alert messages with a sound (posts and replies), each counted once for all addresses.
SELECT uniqExact(message_key) FROM {deliveries}
WHERE state = 'sent' AND message_key LIKE 'alert-%%'
    AND at >= toDateTime(%(start)s, 'UTC') AND at < toDateTime(%(end)s, 'UTC')
