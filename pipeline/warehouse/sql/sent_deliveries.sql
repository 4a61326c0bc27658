SELECT address, message_id FROM {deliveries} FINAL
WHERE message_key = %(key)s AND channel = %(channel)s AND state = 'sent'
