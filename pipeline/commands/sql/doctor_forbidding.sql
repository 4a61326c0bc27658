SELECT name FROM system.settings WHERE (name = 'readonly' AND value != '0') OR (name = 'allow_ddl' AND value = '0')
