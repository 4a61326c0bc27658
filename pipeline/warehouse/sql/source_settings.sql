-- With all columns: new versions also say whether the user may change a setting.
SELECT * FROM system.settings WHERE name IN ('load_balancing', 'readonly', 'skip_unavailable_shards')
