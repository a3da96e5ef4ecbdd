"""`python -m drover`."""

import sys

from drover.cli import main

if __name__ == "__main__":
    sys.exit(main())
