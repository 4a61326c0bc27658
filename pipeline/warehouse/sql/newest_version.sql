SELECT max(version) FROM {installation}
