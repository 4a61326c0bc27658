-- The rows that a run gathered, and how many raw rows they were made of.
SELECT count(), sum({column}) FROM {table}
