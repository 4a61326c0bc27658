"""The state of an installation: read from the warehouse, judged, and written as the status page."""
