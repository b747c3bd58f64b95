"""`python -m minigan …` is `minigan …`."""

import sys

from minigan.cli import main

sys.exit(main())
