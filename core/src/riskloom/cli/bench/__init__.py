"""`riskloom bench`: what the producer, the job and the feature store reach on this machine."""

from __future__ import annotations

import click

from riskloom.cli.bench.feature_store import online, training_set
from riskloom.cli.bench.job import drain, latency
from riskloom.cli.bench.kernel import features, state
from riskloom.cli.bench.producer import produce


@click.group()
def bench() -> None:
    """Measure what the producer and the job reach on this machine, each beside its comparison in the same run.

    Servers of its own are started in a temporary folder, unless --bootstrap-servers, --registry-url, --home or
    RISKLOOM_BOOTSTRAP_SERVERS name others. Progress goes to the standard error.

    \b
    Examples:
      riskloom bench latency --rate 5000 --duration 120
      riskloom bench drain --events 2000000 --json
      riskloom bench produce
    """


for _command in (latency, drain, state, features, produce, online, training_set):
    bench.add_command(_command)
