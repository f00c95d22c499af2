#!/usr/bin/env python3
"""The shared vectors as jobs whose stages are run by tests/play-spark: the same bytes as `sluice run`, with 1, 3 and 7 tasks
of a reduce stage. Vectors of one interval are one job, an output each."""
from harness import *
from stages import *


def compare(name):
    for number, (text, batches) in enumerate(vector_jobs(name)):
        job(text, "job-%d.lua" % number)
        same_as_run("job-%d.lua" % number, "--clock", "virtual", "--batches", str(batches))


def test_what_spark_does():
    compare("spark.json")


def test_what_the_contract_says():
    compare("contract.json")


main(globals())
