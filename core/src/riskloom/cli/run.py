"""`riskloom run`: the Spark job that scores every event."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.options import domain_options, server_options, spark_property

if TYPE_CHECKING:
    from riskloom.settings import Settings

_COUNT_EVERY_S = 2


@click.command()
@click.option(
    "--mode",
    type=click.Choice(["realtime", "micro-batch", "available-now"]),
    default="realtime",
    show_default=True,
    help="Real-Time scores in milliseconds; micro-batch trades latency for throughput; available-now drains and ends.",
)
@click.option("--master", metavar="URL", help="Spark's master.  [default: local, sized for the topics' partitions]")
@click.option(
    "--checkpoint",
    metavar="FOLDER",
    help="Offsets and window state: a restart goes on from here.  [default: <home>/checkpoints/<Kafka's cluster id>]",
)
@click.option(
    "--batch",
    metavar="TEXT",
    default="5 minutes",
    show_default=True,
    help="How often Real-Time Mode saves its state: a restart emits again at most the scores since.",
)
@click.option(
    "--max-batch-events", type=click.IntRange(min=1), default=200_000, show_default=True, help="In the other modes."
)
@click.option("--conf", metavar="NAME=VALUE", multiple=True, help="A Spark property, as for spark-submit. Repeatable.")
@domain_options
@server_options
def run(
    mode: str,
    master: str | None,
    checkpoint: str | None,
    batch: str,
    max_batch_events: int,
    conf: tuple[str, ...],
    only: tuple[str, ...],
    without: tuple[str, ...],
    **servers: Any,
) -> None:
    """Run the Spark job that scores every event of every installed domain.

    Creates missing topics and registers the schemas first. Stop with Ctrl-C or SIGTERM; started again, it goes on from
    its checkpoint.

    \b
    Examples:
      riskloom run
      riskloom run --only transactions --mode micro-batch
      riskloom run --mode available-now --checkpoint s3a://bucket/checkpoints/risk
    """
    from riskloom.discovery import discover
    from riskloom.offsets import cluster_id, end_offsets
    from riskloom.schemas.registry import register_all
    from riskloom.settings import load_settings
    from riskloom.stream.job import SHUFFLE_PARTITIONS, Mode, start_query
    from riskloom.stream.session import spark_log, spark_session
    from riskloom.stream.slots import local_master, tasks_of, wait_for_slots
    from riskloom.stream.supervise import stop, wait
    from riskloom.stream.warmup import warm_up
    from riskloom.topics import ensure_topics

    properties = dict(map(spark_property, conf))
    settings = load_settings(**servers)
    domains = discover(only, without)
    created = ensure_topics(settings, domains)
    if created:
        click.echo(f"created topics {', '.join(created)}", err=True)
    schemas = register_all(settings, domains)
    chosen = Mode(mode)
    # By cluster: the offsets of one Kafka are not those of the next.
    folder = checkpoint or str(settings.home_dir / "checkpoints" / cluster_id(settings))
    topics = end_offsets(settings, [installed.domain.topic.name for installed in domains])
    tasks = tasks_of(domains, sum(map(len, topics.values())), chosen)
    click.echo("starting Spark", err=True)
    spark = spark_session(
        settings,
        master or local_master(chosen, tasks),
        shuffle_partitions=SHUFFLE_PARTITIONS,
        configuration=properties,
    )
    # Only now: Spark sets a handler of its own, and an exception in the middle of a call would break its connection.
    asked = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    try:
        wait_for_slots(spark, tasks, asked)
        if chosen is Mode.REALTIME:
            click.echo("compiling the job", err=True)
            warm_up(spark, settings, domains)
        query = start_query(
            spark,
            settings,
            domains,
            schemas,
            checkpoint=folder,
            mode=chosen,
            batch=batch,
            max_batch_events=max_batch_events,
        )
        names = ", ".join(installed.name for installed in domains)
        click.echo(f"scoring {names} from {settings.bootstrap_servers}, {mode}; checkpoint {folder}", err=True)
        ended = wait(query, spark_log(settings), asked, _counter(settings))
        click.echo("everything available is scored" if ended else "stopping", err=True)
    finally:
        stop(spark)


def _counter(settings: Settings) -> Callable[[], None] | None:
    """On a terminal, keep a line with the scores and dead letters written so far."""
    if not sys.stderr.isatty():
        return None
    from riskloom.offsets import end_offsets, total
    from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

    last = (time.monotonic(), 0)

    def show() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last[0] < _COUNT_EVERY_S:
            return
        offsets = end_offsets(settings, [SCORES_TOPIC, DEAD_LETTERS_TOPIC])
        scores, dead = total(offsets[SCORES_TOPIC]), total(offsets[DEAD_LETTERS_TOPIC])
        rate = (scores - last[1]) / (now - last[0]) if last[1] else 0
        last = (now, scores)
        click.echo(f"\r{scores:,} scores ({rate:,.0f}/s), {dead:,} dead letters\033[K", err=True, nl=False)

    return show
