SELECT count(), sum({column}) FROM {table}
