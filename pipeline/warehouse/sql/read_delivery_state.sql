SELECT item, state, version, toInt64(toUnixTimestamp(now())) - toInt64(toUnixTimestamp(at)) AS seconds_ago
FROM {delivery_state} FINAL
WHERE message_key = %(key)s AND channel = %(channel)s AND address = %(address)s
