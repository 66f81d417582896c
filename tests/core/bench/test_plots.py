"""Pictures: that they are drawn, and what is said where that cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from riskloom.bench.latency import Measured
from riskloom.bench.plots import plot_latency, plot_state
from riskloom.bench.spans import Span
from riskloom.errors import SettingsError
from riskloom.plots import require_matplotlib


def test_without_matplotlib_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingsError, match=r"pip install 'riskloom\[plot\]'"):
        require_matplotlib()


def test_latencies_are_drawn_job_by_job(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    created = np.arange(0, 20_000, 5)
    measured = Measured(
        {"boundaries": [{"at_s": 3.0, "pause_ms": 250.0, "max_ms": 300.0}]},
        Span(5_000.0, 15_000.0),
        created,
        np.linspace(10.0, 200.0, len(created)),
    )
    file = tmp_path / "latency.svg"
    plot_latency(file, {"scored": measured, "passed through": measured})
    text = file.read_text("utf-8")
    assert text.startswith("<?xml")
    assert text.count('<g id="axes_') == 2


def test_states_are_drawn_by_keys_and_by_features(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [
        {"keys": 10**n, "features": 5 * n, "us_per_event": 10.0 * n, "bytes_per_key": 100.0 * n} for n in range(1, 4)
    ]
    file = tmp_path / "state.png"
    plot_state(file, {"floor": points[0], "by_keys": points, "by_features": points})
    assert file.read_bytes().startswith(b"\x89PNG")
