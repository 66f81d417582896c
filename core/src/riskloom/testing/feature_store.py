"""Check that what the domain declares has a place in the feature store."""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from riskloom.features.layouts import layout_of
from riskloom.features.objects import feast_objects
from riskloom.features.offline import OfflineStore
from riskloom.testing.subject import CheckFailure, Subject


def feast_objects_build(subject: Subject) -> str:
    """Feast's entities, views and services can be built, and every feature has a column of its own."""
    domain = subject.domain
    layout = layout_of(domain, datetime.now(UTC))
    twice = [name for name, count in Counter(layout.schema.names).items() if count > 1]
    if twice:
        raise CheckFailure(
            f"rows of the feature store have columns of their own called {', '.join(twice)}: give those "
            "features other names"
        )
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")  # Feast's own
            objects = feast_objects(OfflineStore(Path(folder)), [layout])
            names = {field.name for one in objects if hasattr(one, "ensure_valid") for field in one.schema}
    except Exception as error:
        raise CheckFailure(f"Feast refuses the domain's features: {type(error).__name__}: {error}") from error
    missing = [name for name in domain.feature_names if name not in names]
    if missing:
        raise CheckFailure(f"no view of the feature store has {', '.join(missing)}")
    return f"{len(objects)} objects"
