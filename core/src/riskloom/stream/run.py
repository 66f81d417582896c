"""A whole run of the job: topics and schemas, session, state, query, status, and an orderly end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Protocol

from riskloom.discovery import InstalledDomain
from riskloom.offsets import cluster_id, first_offsets
from riskloom.schemas.registry import register_all
from riskloom.settings import Settings
from riskloom.stream.generations import StateChoice, prepare
from riskloom.stream.job import SHUFFLE_PARTITIONS, Mode, start_query
from riskloom.stream.metrics import JobMonitor
from riskloom.stream.reporter import Reporter
from riskloom.stream.session import spark_log, spark_session
from riskloom.stream.slots import local_master, slots_of, tasks_of, wait_for_slots
from riskloom.stream.status import JobStatus, Materialization, StatusFile
from riskloom.stream.supervise import explained, finish_batch, stop, wait
from riskloom.stream.warmup import warm_up
from riskloom.topics import ensure_topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ROOM = 32
"""Slots of a local master for tasks that only the checkpoint asks for; a slot is but a thread."""

_NO_SLOT = "no features are stored: the job's tasks take every slot of the master; give it one more core"

Report = Callable[[str], None]
"""Is told, in one line, what is going on."""


@dataclass(frozen=True)
class JobOptions:
    """How a job is to run."""

    mode: Mode = Mode.REALTIME
    master: str | None = None
    """Spark's master; by default a local one, sized for the topics' partitions."""
    checkpoint: str | None = None
    """The folder of offsets and state; by default one under the home folder, for each Kafka cluster."""
    state: StateChoice | None = None
    """What to do when the windows have changed."""
    batch: str = "5 minutes"
    """In Real-Time Mode, how often the state is saved."""
    max_batch_events: int = 750_000
    """In the other modes."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Spark's, which win over riskloom's own."""


class Beside(Protocol):
    """What reads the scores in the same application. Nothing that happens to it ends the job."""

    def follow(self, spark: SparkSession, folder: str, tell: Callable[[Materialization], None]) -> None:
        """Read scores as they come, in threads of its own.

        Args:
            spark: The job's session.
            folder: Of the job's checkpoints.
            tell: Is given what it does, whenever that changes.
        """

    def drain(self, spark: SparkSession, folder: str, tell: Callable[[Materialization], None]) -> None:
        """Read the scores that there are, and return."""

    def stop(self) -> None:
        """End after the batch that it is in; nothing happens when it does not run."""


class Stop:
    """A user's wish to stop: the first time in order, the second time at once."""

    def __init__(self) -> None:
        self.asked, self.at_once = Event(), Event()

    def ask(self) -> None:
        """Ask once more."""
        (self.at_once if self.asked.is_set() else self.asked).set()


def run_job(
    settings: Settings,
    domains: Sequence[InstalledDomain],
    options: JobOptions,
    *,
    report: Report,
    show: Callable[[JobStatus], None],
    ready: Callable[[Stop], None],
    beside: Beside | None = None,
) -> None:
    """Run the job until it ends or is stopped.

    Args:
        settings: Where the servers are.
        domains: The domains to score.
        options: How.
        report: Is told of progress.
        show: Is given the status every two seconds.
        ready: Is given what stops the job, as soon as that may be used: Spark has set its own signal handlers by then.
        beside: Reads the scores: beside the query, or in available-now after it.

    Raises:
        RiskloomError: If it cannot start, or fails.
    """
    created = ensure_topics(settings, domains)
    if created:
        report(f"created topics {', '.join(created)}")
    schemas = register_all(settings, domains)
    topics = {installed.name: installed.domain.topic.name for installed in domains}
    # By cluster: the offsets of one Kafka are not those of the next.
    folder = options.checkpoint or str(settings.home_dir / "checkpoints" / cluster_id(settings))
    beginning = first_offsets(settings, topics.values())
    partitions = sum(map(len, beginning.values()))
    master = options.master or local_master(options.mode, tasks_of(domains, partitions, options.mode) + _ROOM)
    status = JobStatus(state="starting", since=datetime.now(UTC), mode=options.mode, master=master, checkpoint=folder)
    with _told(StatusFile(settings.home_dir, folder), status) as tell:
        report("starting Spark")
        spark = spark_session(settings, master, shuffle_partitions=SHUFFLE_PARTITIONS, configuration=options.properties)
        # In this order: what a failure says is asked of the JVM, which ends last.
        with ExitStack() as ending, explained(spark_log(settings)):
            ending.callback(stop, spark)
            asked = Stop()
            ready(asked)
            start = prepare(spark, folder, [one.domain for one in domains], beginning, options.state)
            for note in start.notes:
                report(note)
            tasks = tasks_of(domains, partitions, options.mode, start.state_partitions, start.entities)
            wait_for_slots(spark, tasks, asked.asked)
            if options.mode is Mode.REALTIME:
                report("compiling the job")
                warm_up(spark, settings, domains)
            monitor = JobMonitor(spark)
            query = start_query(
                spark,
                settings,
                domains,
                schemas,
                checkpoint=start.checkpoint,
                mode=options.mode,
                batch=options.batch,
                max_batch_events=options.max_batch_events,
                starting_offsets=start.starting_offsets,
                emit_from=start.emit_from,
                entities=start.entities,
                monitor=monitor,
            )
            report(
                f"scoring {', '.join(topics)} from {settings.bootstrap_servers}, {options.mode}; checkpoint {folder}"
            )
            tell(state="running", restarts=start.restarts)

            def tell_features(features: Materialization) -> None:
                tell(features=features)

            if beside is not None and options.mode is not Mode.AVAILABLE_NOW:
                if options.mode is Mode.REALTIME and slots_of(spark) <= tasks:
                    report(_NO_SLOT)
                    tell_features(Materialization(state="off", detail=_NO_SLOT))
                else:
                    ending.callback(beside.stop)
                    beside.follow(spark, folder, tell_features)

            def update(**parts: Any) -> None:
                show(tell(**parts))

            with Reporter(query, monitor, settings, topics, start.positions, update):
                log = spark_log(settings)
                if wait(query, log, asked.asked):
                    report("everything available is scored")
                    if beside is not None and options.mode is Mode.AVAILABLE_NOW:
                        beside.drain(spark, folder, tell_features)
                else:
                    report("stopping")
                    tell(state="stopping")
                    if options.mode is not Mode.REALTIME and not finish_batch(spark, query, log, asked.at_once):
                        report("the batch did not come to its end: its scores will be written again")


@contextmanager
def _told(file: StatusFile, status: JobStatus) -> Iterator[Callable[..., JobStatus]]:
    """Have the status file say what the job does, from its start to its end, however that comes.

    Yields:
        A function that changes parts of the status and answers all of it.
    """
    writing = Lock()

    def tell(**parts: Any) -> JobStatus:
        nonlocal status
        with writing:  # the reporter's thread tells as well
            status = status.model_copy(update={"updated": datetime.now(UTC), **parts})
            file.write(status)
            return status

    with file.held():
        tell()
        try:
            yield tell
        except BaseException as error:
            tell(state="failed", error=str(error) or type(error).__name__)
            raise
        tell(state="stopped")
