"""Apache Avro for Java, from Spark's own jars, as the judge of which schemas can read which records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JJavaError

from riskloom.stack.java import find_java

JARS = Path(pyspark.__file__).parent / "jars"


@dataclass(frozen=True)
class JavaAvro:
    """The library in a Java process."""

    jvm: Any

    def parse(self, schema: Any) -> Any:
        """Parse a schema; a Java exception if Avro refuses it."""
        return getattr(self.jvm, "org.apache.avro.Schema$Parser")().parse(json.dumps(schema))

    def reads(self, written: Any, read: Any) -> bool:
        """Ask `SchemaCompatibility` whether one schema reads the records of another."""
        answer = self.jvm.org.apache.avro.SchemaCompatibility.checkReaderWriterCompatibility(
            self.parse(read), self.parse(written)
        )
        return str(answer.getType()) == "COMPATIBLE"

    def rules(self, written: Any, read: Any) -> set[str]:
        """Ask it for the names of the rules that are broken."""
        answer = self.jvm.org.apache.avro.SchemaCompatibility.checkReaderWriterCompatibility(
            self.parse(read), self.parse(written)
        )
        return {str(one.getType()) for one in answer.getResult().getIncompatibilities()}

    def decodes(self, written: Any, read: Any, count: int = 5) -> bool:
        """Write some random data of one schema, and say whether the decoder that the job uses reads all of it."""
        from_, to = self.parse(written), self.parse(read)
        generic, io = self.jvm.org.apache.avro.generic, self.jvm.org.apache.avro.io
        writer, reader = generic.GenericDatumWriter(from_), generic.GenericDatumReader(from_, to)
        try:
            data = self.jvm.org.apache.avro.util.RandomData(from_, count, 1).iterator()
            while data.hasNext():
                datum = data.next()
                out = self.jvm.java.io.ByteArrayOutputStream()
                encoder = io.EncoderFactory.get().binaryEncoder(out, None)
                writer.write(datum, encoder)
                encoder.flush()
                reader.read(None, io.DecoderFactory.get().binaryDecoder(out.toByteArray(), None))
        except Py4JJavaError:
            return False
        return True


@contextmanager
def java_avro(home: Path) -> Iterator[JavaAvro]:
    """Run a Java process with the library until the block ends."""
    java = find_java(home)
    port, process = launch_gateway(
        jarpath=str(next(JARS.glob("py4j-*.jar"))),
        classpath=":".join(str(jar) for name in ("avro", "jackson", "slf4j-api") for jar in JARS.glob(f"{name}-*.jar")),
        java_path=str(java.executable),
        die_on_exit=True,
        return_proc=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auto_convert=True))
    try:
        yield JavaAvro(gateway.jvm)
    finally:
        gateway.shutdown()
        process.stdin.close()
        process.wait(30)
