SELECT update_id, done, feed_rows, message_rows, version FROM {table} FINAL WHERE update_id IN %(update_ids)s
