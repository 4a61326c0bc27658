"""The built-in methods, one file each. `detectors.registry` imports them by name."""
