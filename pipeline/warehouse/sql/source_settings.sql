SELECT name, value FROM system.settings WHERE name IN ('load_balancing', 'readonly', 'skip_unavailable_shards')
