SELECT count() FROM {table} WHERE {time} < toDateTime(%(least)s, 'UTC') OR {time} > toDateTime(%(most)s, 'UTC')
