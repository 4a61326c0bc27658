INSERT INTO {table} ({columns})
{select}
