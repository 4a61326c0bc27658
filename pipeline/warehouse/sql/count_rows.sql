SELECT count() FROM {table}
