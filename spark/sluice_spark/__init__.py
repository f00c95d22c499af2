"""Jobs of sluice on Apache Spark: the same job file, the same bytes."""

__version__ = "0.1.0"
