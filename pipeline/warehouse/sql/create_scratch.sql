CREATE TABLE {scratch} AS {table}
