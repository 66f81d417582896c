"""Apache Kafka: broker and controller in one JVM (KRaft), on the loopback interface."""

from __future__ import annotations

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from importlib import resources
from pathlib import Path

from riskloom.errors import StackError
from riskloom.stack.artifacts import Report, kafka_jars
from riskloom.stack.java import Java
from riskloom.stack.ports import HOST, any_free

# One broker: nothing can be replicated. Few partitions for the internal topics: each is a folder to open at start.
# No waiting for more members before a consumer group's first assignment: there are few consumers, and they are ours.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
"""
_JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)


class Kafka:
    """The Kafka server of a home folder."""

    name = "kafka"
    setting = "bootstrap_servers"
    usual_port = 9092

    def __init__(self, home: Path) -> None:
        self.folder = home / "data" / "kafka"
        self._logs = self.folder / "log"
        self._jars: list[Path] = []

    def fetch(self, report: Report) -> None:
        """Get Kafka's jars."""
        self._jars = kafka_jars(report)

    def command(self, port: int, java: Java) -> list[str | Path]:
        """Write the configuration, format the storage if that was never done, and answer the broker's command."""
        properties = self.configure(port)
        if not (self._logs / "meta.properties").exists():
            self._format(java, properties)
        return [*self._java(java), "kafka.Kafka", properties]

    def configure(self, port: int) -> Path:
        """Write the broker's configuration.

        Args:
            port: The port for clients; the controller gets any free one.

        Returns:
            The file.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "server.properties"
        file.write_text(_PROPERTIES.format(host=HOST, port=port, controller=any_free(), logs=self._logs), "utf-8")
        return file

    def is_ready(self, port: int) -> bool:
        """Ask the broker for its topics."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        client = AdminClient({"bootstrap.servers": self.address(port), "log_level": 0, "socket.timeout.ms": 2000})
        try:
            return bool(client.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def set_up(self, port: int) -> None:
        """Do nothing: topics are made by those who use them."""

    def address(self, port: int) -> str:
        """Write the bootstrap servers."""
        return f"{HOST}:{port}"

    def _java(self, java: Java) -> list[str | Path]:
        config = resources.files(__package__).joinpath("log4j2.properties")
        classpath = os.pathsep.join(str(jar) for jar in self._jars)
        return [java.executable, *_JVM, *java.options, f"-Dlog4j2.configurationFile={config}", "-cp", classpath]

    def _format(self, java: Java, properties: Path) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # With "=", because an identifier may begin with a hyphen.
        arguments = ["format", f"--cluster-id={cluster}", f"--config={properties}"]
        done = subprocess.run(
            [*self._java(java), "kafka.tools.StorageTool", *arguments],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StackError(
                f"kafka: cannot format its storage in {self.folder}:\n{(done.stderr or done.stdout).strip()}\n"
                "If its data may go, run `riskloom down --delete-data` and start again."
            )
