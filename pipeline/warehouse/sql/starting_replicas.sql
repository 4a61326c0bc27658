-- Replicas without a session with ZooKeeper: until a server that starts has one, it does not know what it lacks.
SELECT concat(database, '.', table) FROM system.replicas WHERE is_readonly = 1 AND concat(database, '.', table) IN %(tables)s
