SELECT DISTINCT message_key FROM {deliveries} WHERE message_key IN %(keys)s
