"""The tasks that cron runs, which need no arguments, and what each does."""

ROOTS = {
    "Daily": "load yesterday, days that are missing and days that got late events",
    "Morning": "do the same, then send one report, of yesterday",
    "Alerts": "check the newest slot and those missed, and send what is due",
    "Presses": "read the buttons that people pressed (--wait-minutes 58: wait)",
    "Weekly": "send a summary of the alerts of the last seven days",
}
