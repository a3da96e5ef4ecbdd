"""`python -m drover_lab up`: the lab without the rest of the command line."""

from drover_lab.cli import app

app(prog_name="drover lab")
