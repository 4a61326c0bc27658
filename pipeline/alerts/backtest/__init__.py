"""The alerts over history: replay, proposals and tuning.

The entry points are `replay.replay`, `proposals.propose` and `tuning.tune`. They are slow to import, so callers import
them where they use them.
"""
