"""The commands of `feedpulse`: one module each, with its arguments and its function.

A module has ``SUMMARY``, its line in the help, and ``main(arguments)``, which returns the exit code. What a command
imports beyond `argparse` is imported when it runs: ``feedpulse --help`` must not wait for Luigi.
"""
