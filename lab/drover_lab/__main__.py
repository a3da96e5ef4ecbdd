"""`python -m drover_lab` is `drover lab`."""

import sys

from drover.cli import main

sys.exit(main(["lab", *sys.argv[1:]]))
