"""A schema grows while its job runs: on the real servers, with producers of both versions, and without a restart."""

from __future__ import annotations

import copy
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command import riskloom
from confluent_kafka import Producer
from consume import OUTPUTS, written_since
from job import running_job, wait_for
from scoring import framed

from riskloom.errors import RegistryError
from riskloom.offsets import end_offsets
from riskloom.schemas.registry import register, registry_client, subject_of
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack

pytestmark = pytest.mark.e2e

TOPIC = "visits"
V1: dict[str, Any] = {
    "type": "record",
    "name": "Visit",
    "namespace": "test",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "quantity", "type": "int"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["card", "cash"]}},
        {"name": "shop", "type": "string"},
    ],
}
V2 = copy.deepcopy(V1)
V2["fields"][3] = {"name": "quantity", "type": "long"}
V2["fields"][4]["type"] |= {"symbols": ["card", "cash", "crypto"], "default": "card"}
V2["fields"][5] = {"name": "merchant", "type": "string", "aliases": ["shop"]}
V2["fields"].append({"name": "channel", "type": ["null", "string"], "default": None})
BREAKING = copy.deepcopy(V1)
BREAKING["fields"][3] = {"name": "quantity", "type": "string"}
LARGE = 2**40
"""A quantity that the first version cannot hold."""

PLUGIN = """
import json
from pathlib import Path
from riskloom.domain import DerivedFeature, Entity, EventDomain, ScoringRule, Term, Topic, WindowFeature
from riskloom.hookspecs import hookimpl

SHOP = {shop!r}

@hookimpl
def riskloom_event_domain():
    return EventDomain(
        name="visits",
        topic=Topic(name="visits", partitions=2),
        avro_schema=json.loads(Path(__file__).with_name("visit.avsc").read_text()),
        event_id="id",
        event_time="ts",
        key="user",
        entities=(Entity(name="user", field="user"),),
        generator="shop:none",
        window_features=(WindowFeature(name="bought", aggregate="sum", window="1hr", value="quantity"),),
        derived_features=(
            DerivedFeature(name="quantity_seen", sql="quantity"),
            DerivedFeature(name="kind_seen", sql="CASE kind WHEN 'card' THEN 1 WHEN 'cash' THEN 2 ELSE 3 END"),
            DerivedFeature(name="shop_seen", sql=f"length({{SHOP}})"),
        ),
        rule=ScoringRule(version="1", terms=(Term(code="MANY", sql="quantity > 100", weight=1.0),)),
    )
"""


class Shop:
    """The servers, the plugin in one of its versions, and producers of every version."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        info = folder / "riskloom_visits-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: riskloom-visits\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[riskloom]\nvisits = visits_plugin\n")
        self.sent: dict[str, Mapping[str, Any]] = {}
        self.ids: dict[str, int] = {}
        self.numbers: Counter[str] = Counter()

    def install(self, schema: Mapping[str, Any], shop: str) -> None:
        (self.folder / "visit.avsc").write_text(json.dumps(schema))
        (self.folder / "visits_plugin.py").write_text(PLUGIN.format(shop=shop))

    def register(self, version: str, schema: Mapping[str, Any], *, force: bool = False) -> None:
        with registry_client(self.settings) as client:
            if force:
                from confluent_kafka.schema_registry import Schema

                # Apicurio takes NONE of a subject as no level of its own, and goes by that of all.
                for subject in (subject_of(TOPIC), None):
                    client.set_compatibility(subject, "NONE")
                self.ids[version] = client.register_schema(subject_of(TOPIC), Schema(json.dumps(schema), "AVRO"))
            else:
                self.ids[version] = register(client, subject_of(TOPIC), schema).schema_id

    def produce(self, version: str, schema: Mapping[str, Any], event: Mapping[str, Any], producer: Producer) -> str:
        number = self.numbers[version]
        self.numbers[version] += 1
        name = f"{version}-{number}"
        fields = {"id": name, "user": f"u{number % 7}", "ts": int(time.time() * 1000), "kind": "cash"} | event
        producer.produce(TOPIC, framed(schema, self.ids[version], fields), fields["user"])
        self.sent[name] = fields
        return name

    @contextmanager
    def first_version_runs(self) -> Iterator[None]:
        """Have a producer of the first version run in the background."""
        ended = threading.Event()

        def work() -> None:
            producer = Producer(self.settings.kafka(acks="all"))
            while not ended.wait(0.02):
                self.produce("v1", V1, {"quantity": 1, "shop": "corner"}, producer)
            assert producer.flush(30) == 0

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home, folder = tmp_path_factory.mktemp("evolution"), tmp_path_factory.mktemp("site")
    support = Path(__file__).parents[1] / "support"
    paths = os.pathsep.join([str(folder), str(support), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch, LocalStack(home, short_lived=True).running() as addresses:
        patch.setenv("PYTHONPATH", paths)
        yield Shop(Settings(home=home, **addresses), folder)


def test_a_schema_grows_while_its_job_runs(shop: Shop) -> None:
    settings = shop.settings
    arguments = ("--only=visits", "--batch=5 seconds", f"--checkpoint={settings.home / 'checkpoint'}")
    shop.install(V1, "shop")
    shop.register("v1", V1)
    with running_job(settings, Path(sys.executable), *arguments) as job, shop.first_version_runs():
        begin = end_offsets(settings, OUTPUTS)
        producer = Producer(settings.kafka(acks="all"))

        def scored() -> set[str]:
            return {score["event_id"] for score in written_since(settings, begin).scores}

        wait_for(lambda: len(scored()) > 50, "the first version is not scored")

        # A breaking change is refused, and the field at fault is named.
        with pytest.raises(RegistryError, match=r"quantity.: its type was int and became string"):
            shop.register("refused", BREAKING)

        # The second version comes, and the first one goes on.
        shop.register("v2", V2)
        for i in range(200):
            kind = ("card", "cash", "crypto")[i % 3]
            visit = {"quantity": i, "kind": kind, "merchant": "market", "channel": "web"}
            shop.produce("v2", V2, visit, producer)
        too_large = shop.produce("v2", V2, {"quantity": LARGE, "merchant": "market", "channel": None}, producer)
        assert producer.flush(30) == 0

        # A breaking change is forced past the registry.
        shop.register("v3", BREAKING, force=True)
        for _ in range(20):
            shop.produce("v3", BREAKING, {"quantity": "many", "shop": "corner"}, producer)
        assert producer.flush(30) == 0
        wait_for(lambda: len(written_since(settings, begin).dead_letters) >= 21, "the dead letters are missing")
        good = {name for name in list(shop.sent) if not name.startswith("v3")} - {too_large}
        wait_for(lambda: good <= scored(), "events of some version are not scored")
        saved = last_batch(settings)
        wait_for(lambda: last_batch(settings) > saved + 1, "the job does not save its state")
        assert job.poll() is None

    # One job has read all versions, without a restart and each event once.
    written = written_since(settings, begin)
    found = {score["event_id"]: score for score in written.scores}
    assert len(found) == len(written.scores)
    assert good <= found.keys()
    for name, score in found.items():
        event, version = shop.sent[name], name.partition("-")[0]
        # A symbol that the first version does not know is read as the default that the second one names.
        kind = {"card": 1.0, "cash": 2.0, "crypto": 1.0}[event["kind"]]
        place = event["shop" if version == "v1" else "merchant"]
        features = score["features"]
        seen = (features["quantity_seen"], features["kind_seen"], features["shop_seen"], score["schema_id"])
        assert seen == (event["quantity"], kind, len(place), shop.ids[version]), (name, score)
    letters = {(letter["partition"], letter["offset"]): letter for letter in written.dead_letters}.values()
    assert Counter(letter["reason"] for letter in letters) == {"incompatible_schema": 21}
    assert Counter(letter["schema_id"] for letter in letters) == {shop.ids["v2"]: 1, shop.ids["v3"]: 20}
    assert any(f"field quantity: {LARGE} does not fit the domain's" in letter["detail"] for letter in letters)
    assert any("field quantity: " in letter["detail"] and "expecting int" in letter["detail"] for letter in letters)

    # The plugin is brought up to the second version, and what it could not hold is replayed into the running job.
    shop.install(V2, "merchant")
    with running_job(settings, Path(sys.executable), *arguments) as job:
        report = json.loads(riskloom(settings, "dlq", "replay", "--json").stdout)
        assert (report["sent"], report["complete"]) == ({TOPIC: 21}, True)
        wait_for(lambda: too_large in scored(), "what was replayed is not scored")
        wait_for(lambda: len(written_since(settings, begin).dead_letters) >= 21 + 20, "the others do not fail again")
        again = json.loads(riskloom(settings, "dlq", "replay", "--json").stdout)
        assert (again["sent"], again["replayed_before"], again["failed_again"]) == ({}, 21, 20)
        assert job.poll() is None
    (score,) = [score for score in written_since(settings, begin).scores if score["event_id"] == too_large]
    assert score["features"]["quantity_seen"] == LARGE


def last_batch(settings: Settings) -> int:
    (job,) = json.loads(riskloom(settings, "run", "--status", "--json").stdout)["jobs"]
    return -1 if job["last_batch"] is None else int(job["last_batch"]["id"])
