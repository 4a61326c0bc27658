CREATE TABLE {staging} AS {table}
