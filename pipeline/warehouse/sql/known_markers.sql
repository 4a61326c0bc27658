SELECT DISTINCT update_id FROM {table_updates} WHERE update_id LIKE %(pattern)s
