ALTER TABLE {table} DROP PARTITION ID %(partition_id)s
