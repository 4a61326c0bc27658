SELECT table, name, type FROM system.columns WHERE database = %(database)s AND table IN %(tables)s
