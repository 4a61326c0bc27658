SELECT 1 FROM system.columns WHERE database = %(database)s AND table = %(table)s LIMIT 1
