ALTER TABLE {table} ADD COLUMN {column} String
