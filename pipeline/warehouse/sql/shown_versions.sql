-- What messages show at each address that has them, and whether an attempt to send or edit one failed within some seconds.
SELECT
    message_key,
    channel,
    address,
    anyIf(version, item = 'shown') AS shown,
    countIf(state = 'failed' AND toInt64(toUnixTimestamp(now())) - toInt64(toUnixTimestamp(at)) < %(pause)s) AS failed
FROM {delivery_state} FINAL
WHERE message_key IN %(keys)s
GROUP BY message_key, channel, address
HAVING countIf(state = 'there') > 0
