"""The online store: the newest row of each entity, written and read by Feast's own calls to whichever store it uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from riskloom.errors import FeatureError
from riskloom.features.layouts import LaidFeature, Layout
from riskloom.features.objects import CREATED, SEQUENCE, feast_objects, view_name
from riskloom.features.offline import OfflineStore, entity_column
from riskloom.features.truth import Served, served

if TYPE_CHECKING:
    import pyarrow as pa
    from feast import FeatureStore, FeatureView

_WRITE_ROWS = 1_000
"""Rows that are sent at once: enough that the round trips do not count, few enough that readers are not held up."""
_CREATED_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"
"""As Feast writes times as text. Its order is that of time; the text of a row that has none comes before all."""
_NEVER = datetime.fromtimestamp(0, UTC)


class OnlineRow(NamedTuple):
    """What the store holds of one entity, from one view."""

    layout: Layout
    features: tuple[LaidFeature, ...]
    event_time: datetime
    values: Mapping[str, float | None]
    """As of the event."""

    def served(self, read: datetime) -> dict[str, Served]:
        """Say what the values are at a moment."""
        return served(self.features, self.layout.domain, self.values, self.event_time, read)


class OnlineFeatures:
    """Reads and writes the features of some versions.

    Args:
        feast: The feature store.
        store: The offline store, which the views name.
        layouts: The versions.
    """

    def __init__(self, feast: FeatureStore, store: OfflineStore, layouts: Iterable[Layout]) -> None:
        self._feast, self._layouts = feast, tuple(layouts)
        self._provider: Any = feast._get_provider()
        self._views: dict[str, FeatureView] = {
            one.name: one for one in feast_objects(store, self._layouts) if hasattr(one, "batch_source")
        }

    @property
    def entities(self) -> tuple[str, ...]:
        """Name the entities that there are features of."""
        return tuple(dict.fromkeys(one.name for layout in self._layouts for one in layout.entities))

    def read(self, entity: str, ids: Sequence[str], domains: Iterable[str] = ()) -> list[list[OnlineRow]]:
        """Read what the store holds of some entities.

        Args:
            entity: What they are, such as `user`.
            ids: Which ones.
            domains: Only their features; those of all domains without it.

        Returns:
            For each id its rows, one for each view that has any.
        """
        wanted = set(domains)
        found: list[list[OnlineRow]] = [[] for _ in ids]
        keys = _entity_keys(entity, ids)
        for layout in self._layouts:
            features = layout.of(entity)
            if not features or (wanted and layout.domain not in wanted):
                continue
            view = self._views[view_name(layout, entity)]
            rows = self._stored(view, keys, [one.name for one in features])
            for place, (event_time, values) in enumerate(rows):
                if event_time is not None and event_time > _NEVER:
                    plain = {name: _number(value) for name, value in values.items()}
                    found[place].append(OnlineRow(layout, features, event_time, plain))
        return found

    def write(self, layout: Layout, entity: str, rows: pa.Table) -> list[int]:
        """Store rows that are newer than what the store has.

        The newer one is that of the later event; of the same event time, that which was computed later, as of an event
        that was scored twice; of the same moment, that with the higher sequence number. In whatever order and how often
        rows come, the same one stays. Nobody else may write the view meanwhile.

        Args:
            layout: The version of the rows.
            entity: The entity that they are of; each is there at most once.
            rows: Columns `<entity>_id`, `event_timestamp`, `created_timestamp`, `sequence`, and the entity's features.

        Returns:
            The places of the rows that were stored.
        """
        view = self._views[view_name(layout, entity)]
        stored: list[int] = []
        names = [one.name for one in layout.of(entity)]
        for begin in range(0, rows.num_rows, _WRITE_ROWS):
            part = rows.slice(begin, _WRITE_ROWS)
            keys = _entity_keys(entity, part[entity_column(entity)].to_pylist())
            times, sequences = part["event_timestamp"].to_pylist(), part[SEQUENCE].to_pylist()
            created = [f"{one:{_CREATED_FORMAT}}" for one in part[CREATED].to_pylist()]
            before = self._stored(view, keys, [CREATED, SEQUENCE])
            newer = [
                i
                for i, (time, values) in enumerate(before)
                if time is None or (times[i], created[i], sequences[i]) > (time, *_tie_break(values))
            ]
            columns = {name: _doubles(part[name].to_pylist()) for name in names}
            columns |= {CREATED: _texts(created), SEQUENCE: _longs(sequences)}
            data = [(keys[i], {name: column[i] for name, column in columns.items()}, times[i], None) for i in newer]
            if data:
                with self._reached():
                    self._provider.online_write_batch(self._feast.config, view, data, None)
            stored += [begin + i for i in newer]
        return stored

    def _stored(self, view: FeatureView, keys: list[Any], names: list[str]) -> list[tuple[datetime | None, Any]]:
        with self._reached():
            found: list[tuple[datetime | None, Any]] = self._provider.online_read(self._feast.config, view, keys, names)
        return found

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever the client of whichever store raises
            kind = self._feast.config.online_store.type
            raise FeatureError(
                f"the online store ({kind}) cannot be used: {error}\n"
                "Start the local stack with `riskloom up`, or point RISKLOOM_REDIS_URL at your Redis."
            ) from error


def _entity_keys(entity: str, ids: Sequence[str]) -> list[Any]:
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    join_keys = [entity_column(entity)]
    return [EntityKey(join_keys=join_keys, entity_values=[Value(string_val=one)]) for one in ids]


def _tie_break(values: Mapping[str, Any]) -> tuple[str, int]:
    """Say when a stored row was computed, and its sequence number; of one of an earlier riskloom as if never."""
    created, sequence = values.get(CREATED), values.get(SEQUENCE)
    return created.string_val if created else "", sequence.int64_val if sequence else 0


def _doubles(values: Sequence[float | None]) -> list[Any]:
    from feast.protos.feast.types.Value_pb2 import Value

    return [Value() if value is None else Value(double_val=value) for value in values]


def _texts(values: Sequence[str]) -> list[Any]:
    from feast.protos.feast.types.Value_pb2 import Value

    return [Value(string_val=value) for value in values]


def _longs(values: Sequence[int]) -> list[Any]:
    from feast.protos.feast.types.Value_pb2 import Value

    return [Value(int64_val=value) for value in values]


def _number(value: Any) -> float | None:
    number: float = value.double_val
    # A double that is not there reads as 0.
    return number if number or value.HasField("double_val") else None
