-- Messages that were about to be sent since a time, and have not been sent.
SELECT message_key, channel, address, max(at) AS tried
FROM {deliveries}
WHERE at >= toDateTime(%(since)s, 'UTC')
GROUP BY message_key, channel, address
HAVING countIf(state = 'sent') = 0
ORDER BY tried, message_key, channel, address
