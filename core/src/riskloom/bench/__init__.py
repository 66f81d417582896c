"""Benchmarks: what the producer and the job reach on this machine, each beside its comparison in the same run."""
