SELECT message_key FROM {deliveries} FINAL
WHERE state = 'sent' AND message_key LIKE 'alert-%'
ORDER BY message_key
