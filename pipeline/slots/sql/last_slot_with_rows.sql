SELECT toUInt32(max(toUnixTimestamp(slot))) FROM {slot_counts}
WHERE source_table = %(source_table)s AND rows > 0
