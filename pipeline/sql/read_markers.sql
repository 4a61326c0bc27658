SELECT update_id FROM {table} FINAL WHERE update_id IN %(update_ids)s AND done = 1
