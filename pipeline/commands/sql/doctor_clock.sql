SELECT version(), toUInt64(toUnixTimestamp(now()))
