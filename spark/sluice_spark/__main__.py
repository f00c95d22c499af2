"""python -m sluice_spark"""

import sys

from .main import main

sys.exit(main())
