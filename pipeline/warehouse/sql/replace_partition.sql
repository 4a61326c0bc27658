ALTER TABLE {table} REPLACE PARTITION %(partition)s FROM {scratch}
