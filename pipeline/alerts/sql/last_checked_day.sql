SELECT max(event_date) FROM {day_checks}
