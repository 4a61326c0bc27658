"""The status page: one HTML file and a picture per metric, which any web server shows."""

from reporting.status.facts import Facts, Load, Mute, Open, Past, Problem, Run, Weeks
from reporting.status.page import render
from reporting.status.picture import draw

__all__ = ["Facts", "Load", "Mute", "Open", "Past", "Problem", "Run", "Weeks", "draw", "render"]
