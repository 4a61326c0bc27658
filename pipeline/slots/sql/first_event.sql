SELECT toUInt32(toUnixTimestamp(min(time))) FROM {source}
