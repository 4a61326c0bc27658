SELECT toUInt32(max(toUnixTimestamp(slot))) FROM {slot_checks}
