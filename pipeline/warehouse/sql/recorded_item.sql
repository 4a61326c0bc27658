SELECT value FROM {installation} WHERE item = %(item)s ORDER BY version DESC LIMIT 1
