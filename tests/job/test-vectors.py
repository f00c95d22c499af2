#!/usr/bin/env python3
"""The shared vectors: what Spark's own suites and the contract say that jobs give, with 1, 2 and 7 workers."""
from harness import *

VECTORS = ROOT.parent / "shared/vectors"


def run_vectors(name):
    if not (VECTORS / "run").exists():
        skip("../shared/vectors is not there")
    done = subprocess.run([VECTORS / "run", SLUICE, VECTORS / name], capture_output=True, text=True)
    print(name, done.stdout.strip())
    equal(done.returncode, 0, "exit status of the vectors' own runner; " + done.stderr)


def test_what_spark_does():
    run_vectors("spark.json")


def test_what_the_contract_says():
    run_vectors("contract.json")


main(globals())
