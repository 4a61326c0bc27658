-- With an engine clause: AS alone would make a replicated table's scratch table another replica of it.
CREATE TABLE {scratch} AS {table} ENGINE = {storage}
