"""``python -m sklearn_digits``: the command line."""

import sys

from sklearn_digits._commands.main import main

if __name__ == "__main__":
    sys.exit(main())
