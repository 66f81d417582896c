"""The kernel reads schemas from a registry that only `ssl.ca.location` vouches for, and that asks who is calling."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from scoring import Registry, Scorer

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificates are made by openssl")

PASSWORD = "open sesame"
EVENT = {"id": "1", "user": "u", "ts": 1_700_000_000_000, "amount": 5.0, "kind": "card"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Path]]:
    """Make a self-signed certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")

    def make(name: str, *kind: str) -> tuple[Path, Path]:
        key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
        subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command = ["openssl", "req", "-x509", "-nodes", "-newkey", *(kind or ("rsa:2048",)), "-days", "2", *subject]
        subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
        return certificate, key

    return make


@contextmanager
def served(certificate: Path, key: Path, asks: Path | None = None) -> Iterator[Registry]:
    """A registry over TLS; it asks its callers for a certificate that `asks` vouches for."""
    registry = Registry()
    server = registry.serve()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if asks is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(asks)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()


def scored(scorer: Scorer, registry: Registry, payment: Any, client: dict[str, str]) -> list[str]:
    address = registry.url.replace("http://", "https://")
    settings = scorer.settings.model_copy(update={"registry_url": address, "registry_client": client})
    outcome = Scorer(scorer.spark, registry, settings).events(payment(), [EVENT])
    return [score["event_id"] for score in outcome.scores]


def test_a_private_authority_is_trusted_when_named(scorer: Scorer, payment: Any, certificate: Any) -> None:
    own, key = certificate("127.0.0.1")
    with served(own, key) as registry:
        assert scored(scorer, registry, payment, {"ssl.ca.location": str(own)}) == ["1"]
        assert registry.requests == [1]


@pytest.mark.parametrize("form", ["own file", "encrypted", "in one file", "elliptic curve"])
def test_a_registry_that_asks_for_a_certificate_gets_it(
    scorer: Scorer, payment: Any, certificate: Any, tmp_path: Path, form: str
) -> None:
    own, key = certificate("127.0.0.1")
    kind = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256") if form == "elliptic curve" else ()
    mine, plain = certificate("client", *kind)
    client = {"ssl.ca.location": str(own), "ssl.certificate.location": str(mine)}
    match form:
        case "encrypted":
            locked = tmp_path / "locked.key"
            command = ["openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", str(plain), "-out", str(locked)]
            subprocess.run([*command, "-passout", f"pass:{PASSWORD}"], check=True, capture_output=True)
            client |= {"ssl.key.location": str(locked), "ssl.key.password": PASSWORD}
        case "in one file":
            both = tmp_path / "both.pem"
            both.write_text(plain.read_text() + mine.read_text())
            client["ssl.certificate.location"] = str(both)
        case _:
            client["ssl.key.location"] = str(plain)
    with served(own, key, asks=mine) as registry:
        assert scored(scorer, registry, payment, client) == ["1"]
