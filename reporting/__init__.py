"""What people see: reports and alerts as text and pictures, and the channels that carry them.

Plain data in (`daily.DailyReport`, `alert.Alert`, `weekly.WeeklySummary`), a `message.Message` out, carried by a
`channels.base.Channel`.
"""
