SELECT max({moment}) FROM {table}
