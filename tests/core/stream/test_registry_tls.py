"""The kernel reads schemas from a registry whose certificate only `ssl.ca.location` vouches for."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scoring import Registry, Scorer

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made by openssl")


def test_a_private_authority_is_trusted_when_named(scorer: Scorer, payment: Any, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    registry = Registry()
    server = registry.serve()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    settings = scorer.settings.model_copy(
        update={
            "registry_url": registry.url.replace("http://", "https://"),
            "registry_client": {"ssl.ca.location": str(certificate)},
        }
    )
    try:
        event = {"id": "1", "user": "u", "ts": 1_700_000_000_000, "amount": 5.0, "kind": "card"}
        outcome = Scorer(scorer.spark, registry, settings).events(payment(), [event])
        assert [score["event_id"] for score in outcome.scores] == ["1"]
        assert registry.requests == [1]
    finally:
        server.shutdown()
        server.server_close()
