SELECT DISTINCT channel, address FROM {deliveries}
WHERE message_key = %(key)s AND state = 'pending' AND at >= toDateTime(%(since)s, 'UTC')
