SELECT count() FROM {incidents} WHERE notified = 1 AND slot >= toDateTime(%(since)s, 'UTC')
