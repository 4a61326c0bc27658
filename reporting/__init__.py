"""What people see: reports and alerts as text and pictures, and the channels that carry them.

Plain data in (`daily.DailyReport`, `alert.Alert`), a `message.Message` out, sent by a `channels.base.Channel`.
"""
