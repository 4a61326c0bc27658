SELECT sum({column}) FROM {table} WHERE event_date = toDate(%(date)s)
