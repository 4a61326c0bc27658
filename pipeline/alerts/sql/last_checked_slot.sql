SELECT toUInt32(max(toUnixTimestamp(slot))) FROM {slot_checks} WHERE slot <= toDateTime(%(until)s, 'UTC')
