-- How many raw rows a day's partition was made of.
SELECT sum({column}) FROM {table} WHERE event_date = toDate(%(date)s)
