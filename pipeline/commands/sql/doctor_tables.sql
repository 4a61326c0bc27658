SELECT DISTINCT table FROM system.columns WHERE database = %(database)s ORDER BY table LIMIT 20
