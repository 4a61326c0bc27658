"""What people read, and what their buttons do."""
