SELECT toUInt64(toUnixTimestamp(now()))
