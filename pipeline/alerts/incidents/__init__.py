"""What deviates together, from opening to end, and what people said of it."""
