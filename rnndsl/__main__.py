"""``python -m rnndsl`` is the command ``rnndsl``."""

import sys

from rnndsl.cli.main import main

sys.exit(main())
