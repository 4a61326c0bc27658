-- Without FINAL, which costs a third more: there may be several versions of a marker.
SELECT update_id, done, feed_rows, message_rows, version FROM {table} WHERE update_id IN %(update_ids)s
