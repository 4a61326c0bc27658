SELECT DISTINCT event_date FROM {active_users} WHERE event_date <= toDate(%(last)s) ORDER BY event_date
