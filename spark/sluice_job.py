"""For spark-submit: spark-submit --master ... sluice_job.py JOB.lua --workdir DIR [options]"""

import sys

from sluice_spark.main import main

sys.exit(main())
