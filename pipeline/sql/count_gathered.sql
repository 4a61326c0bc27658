-- What a run gathered: its rows, and perhaps how many raw rows they were made of.
SELECT {measures} FROM {table}
