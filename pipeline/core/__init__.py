"""Settings, time, errors, and the definition of metrics and dimensions. Reads nothing but the configuration."""
