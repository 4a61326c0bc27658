"""The alerts over history: replay, proposals and tuning."""
