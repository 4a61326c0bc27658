SELECT item, value FROM {installation} FINAL
