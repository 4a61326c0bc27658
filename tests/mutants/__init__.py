"""A seeded mutation run: changes the pure modules a little, one place at a time, and shows what no test notices."""
