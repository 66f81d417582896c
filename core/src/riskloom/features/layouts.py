"""What a version of a domain's features consists of, written down beside the rows, so that old rows stay readable.

`<offline store>/_versions/<domain>/<version>.json` is written when a version is first seen, and never changed: its
`since` and its digest make it a version by time and content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from riskloom.domain import Aggregate, Entity, EventDomain, Kind, WindowFeature, window_length
from riskloom.features.offline import OfflineStore, row_schema
from riskloom.stream.series import ROLLING_TILES
from riskloom.versions import feature_entities, feature_version

_VERSIONS = "_versions"
_HALF_LIVES = 10
"""After so many, what is weighted by age weighs a thousandth."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class LaidEntity(_Record):
    """Something that there are features of."""

    name: str
    description: str = ""


class LaidWindow(_Record):
    """The window of a feature: what decides how long its value holds."""

    text: str
    """The length as it is declared."""
    kind: Kind
    aggregate: Aggregate
    length_ms: int
    tiles: int
    """How many pieces of time it consists of."""
    include_event: bool
    selects: bool
    """Whether there may be events that it leaves out."""
    source: str
    """The domain whose events are in it."""
    empty: float | None
    """The value when nothing is in it."""

    @property
    def reach(self) -> timedelta:
        """How long an event can matter."""
        length = timedelta(milliseconds=self.length_ms)
        return _HALF_LIVES * length if self.aggregate in ("ewm_mean", "ewm_variance") else length


class LaidFeature(_Record):
    """A column of features."""

    name: str
    entity: str
    description: str = ""
    window: LaidWindow | None = None
    """None for a derived feature."""
    reads: tuple[str, ...] = ()
    """The window features that a derived one is computed from, by way of others or not."""


class Layout(_Record):
    """One version of a domain's features."""

    domain: str
    description: str = ""
    feature_version: str
    since: datetime
    """When this version was first seen."""
    rule_version: str
    entities: tuple[LaidEntity, ...]
    """That of the key first."""
    features: tuple[LaidFeature, ...]
    others: tuple[LaidEntity, ...] = ()
    """Entities that the events name and there are no features of."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of its rows."""
        return row_schema((one.name for one in self.entities), (one.name for one in self.features))

    def of(self, entity: str) -> tuple[LaidFeature, ...]:
        """List the features of an entity."""
        return tuple(one for one in self.features if one.entity == entity)

    def reach(self, entity: str) -> timedelta:
        """How long after an event its features of an entity can still say something; zero when for ever."""
        windows = [one.window for one in self.of(entity) if one.window]
        return max((window.reach for window in windows), default=timedelta())


def layout_of(domain: EventDomain, since: datetime) -> Layout:
    """Lay out the features of a domain as it is declared now.

    Args:
        domain: The domain.
        since: When this version was first seen.
    """
    key = domain.key_entity.name
    features = [
        LaidFeature(
            name=one.name,
            entity=domain.entity_of(one).name,
            description=one.description,
            window=_window(one, domain),
        )
        for one in domain.window_features
    ]
    reads: dict[str, tuple[str, ...]] = {one.name: (one.name,) for one in features}
    for derived in domain.derived_features:
        reads[derived.name] = tuple(dict.fromkeys(name for used in _names(derived.sql) for name in reads.get(used, ())))
        features.append(
            LaidFeature(name=derived.name, entity=key, description=derived.description, reads=reads[derived.name])
        )
    entities = feature_entities(domain)
    return Layout(
        domain=domain.name,
        description=domain.description,
        feature_version=feature_version(domain),
        since=since,
        rule_version=domain.rule.version,
        entities=tuple(map(_entity, entities)),
        others=tuple(_entity(one) for one in domain.entities if one not in entities),
        features=tuple(features),
    )


def _entity(entity: Entity) -> LaidEntity:
    return LaidEntity(name=entity.name, description=entity.description)


def _window(feature: WindowFeature, domain: EventDomain) -> LaidWindow:
    length = window_length(feature.window)
    tiles = {"rolling": ROLLING_TILES, "hopping": length // window_length(feature.slide or feature.window)}
    return LaidWindow(
        text=feature.window,
        kind=feature.kind,
        aggregate=feature.aggregate,
        length_ms=length // timedelta(milliseconds=1),
        tiles=tiles.get(feature.kind, 1),
        include_event=feature.include_event,
        selects=feature.where is not None or feature.value is not None,
        source=feature.source or domain.name,
        empty=feature.value_when_empty,
    )


def _names(sql: str) -> list[str]:
    from riskloom.expressions import column_names, parse

    return column_names(parse(sql))


class Layouts:
    """The versions of some domains' features: those declared now, and those that the store has rows of.

    Args:
        store: Where they are written down.
        domains: The domains as they are declared now.
    """

    def __init__(self, store: OfflineStore, domains: Iterable[EventDomain]) -> None:
        self._store, self._domains = store, tuple(domains)

    def record(self) -> list[Layout]:
        """Write down the versions that are new.

        Returns:
            The current layout of each domain.
        """
        return [self._recorded(domain) for domain in self._domains]

    def current(self) -> list[Layout]:
        """Answer the current layout of each domain, and write nothing."""
        now = datetime.now(UTC)
        return [self._with_since(domain) or layout_of(domain, now) for domain in self._domains]

    def all(self) -> list[Layout]:
        """Answer every version that is known, also of other domains: the current ones first, then the newest."""
        current = self.current()
        known = {(one.domain, one.feature_version) for one in current}
        others = [one for one in self._read_all() if (one.domain, one.feature_version) not in known]
        return current + sorted(others, key=lambda one: one.since, reverse=True)

    def _recorded(self, domain: EventDomain) -> Layout:
        before = self._with_since(domain)
        if before is not None:
            return before
        layout = layout_of(domain, datetime.now(UTC).replace(microsecond=0))
        folder = f"{self._store.root}/{_VERSIONS}/{layout.domain}"
        self._store.files.create_dir(folder, recursive=True)
        with self._store.files.open_output_stream(f"{folder}/{layout.feature_version}.json") as file:
            file.write(layout.model_dump_json(indent=2).encode())
        return layout

    def _with_since(self, domain: EventDomain) -> Layout | None:
        """Lay out a domain that was seen before; its descriptions may be newer than what was written down."""
        before = self._read(domain.name, feature_version(domain))
        return layout_of(domain, before.since) if before else None

    def _read(self, domain: str, version: str) -> Layout | None:
        try:
            with self._store.files.open_input_stream(f"{self._store.root}/{_VERSIONS}/{domain}/{version}.json") as file:
                return Layout.model_validate_json(file.read())
        except FileNotFoundError:
            return None

    def _read_all(self) -> Iterator[Layout]:
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(f"{self._store.root}/{_VERSIONS}", allow_not_found=True, recursive=True)
        for info in self._store.files.get_file_info(selector):
            folder, name = info.path.split("/")[-2:]
            if info.type is FileType.File and name.endswith(".json"):
                layout = self._read(folder, name.removesuffix(".json"))
                if layout is not None:
                    yield layout
