"""A seeded mutation run: makes small changes to the pure modules, and lists the changes that no test detects."""
