"""Which state a job starts with: that of its checkpoint, a new one, or one rebuilt from the topics' history.

The checkpoint's folder holds a manifest and generations: `<folder>/<n>` is a query's checkpoint in Spark's sense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import ValidationError

from riskloom.errors import JobError
from riskloom.offsets import Offsets
from riskloom.stream.checkpoint import Checkpoint, Folder
from riskloom.stream.manifest import VERSION, DomainState, LeftDomain, Manifest, changes, described
from riskloom.stream.plan import further_entities, kept_series

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from riskloom.domain import EventDomain

MANIFEST = "riskloom.json"
_PARTITIONS = "spark.sql.shuffle.partitions"


class StateChoice(StrEnum):
    """What to do with a state that does not fit what is declared."""

    KEEP = "keep"
    """Go on with it: windows that changed start empty and fill up as events come."""
    NEW = "new"
    """Go on from where it ended, with empty windows."""
    BACKFILL = "backfill"
    """Read the topics' history again into new windows; what was scored is not scored again."""


@dataclass(frozen=True)
class Start:
    """What a query starts from."""

    checkpoint: str
    starting_offsets: Offsets | None
    emit_from: Offsets
    entities: tuple[str, ...]
    state_partitions: int
    positions: Offsets
    """Where each partition is read from, as far as it is not at its beginning."""
    restarts: int
    notes: tuple[str, ...]
    """What the user should know, one line each."""


def prepare(
    spark: SparkSession,
    address: str,
    domains: Sequence[EventDomain],
    beginning: Offsets,
    choice: StateChoice | None = None,
) -> Start:
    """Compare what is declared with what a checkpoint's state was made for, and make it ready for a start.

    Args:
        spark: The session of the job.
        address: The checkpoint's folder, by any address that Hadoop knows.
        domains: The domains of the job.
        beginning: The first offset that each partition of their topics still has.
        choice: What to do if they do not fit; the last two are done in any case.

    Raises:
        JobError: If they do not fit and there is no choice, the choice is not possible, or the folder is of something
            else.
    """
    folder = Folder(spark, address)
    before = _read(folder)
    now = described(domains)
    entities = tuple(further_entities(kept_series(domains)))
    partitions = int(str(spark.conf.get(_PARTITIONS)))
    if before is None:
        before = Manifest(state_partitions=partitions, entities=entities, domains=now)
        notes: list[str] = []
        manifest, committed = before, None
    else:
        committed = Checkpoint(folder.folder(str(before.generation))).committed()
        manifest, notes = _next(folder, before, now, entities, partitions, committed, beginning, choice)
    manifest = manifest.model_copy(update={"starts": manifest.starts + 1})
    folder.write(MANIFEST, manifest.model_dump_json(indent=2))
    spark.conf.set(_PARTITIONS, str(manifest.state_partitions))
    generation = folder.folder(str(manifest.generation))
    positions: Offsets = manifest.starting_offsets or beginning
    if committed is not None and manifest.generation == before.generation:
        positions = _read_on(manifest, now, committed, beginning)
        if positions.keys() != committed.keys():
            Checkpoint(generation).move(positions)
    return Start(
        checkpoint=generation.address,
        starting_offsets=manifest.starting_offsets,
        emit_from=manifest.emit_from,
        entities=manifest.entities,
        state_partitions=manifest.state_partitions,
        positions=positions,
        restarts=manifest.starts - 1,
        notes=tuple(notes),
    )


def _read(folder: Folder) -> Manifest | None:
    text = folder.read(MANIFEST)
    if text is None:
        if folder.names():
            raise JobError(
                f"{folder.address} is neither empty nor a checkpoint of riskloom: it has no {MANIFEST}.\n"
                "Name another folder with --checkpoint."
            )
        return None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise JobError(f"{folder.address}/{MANIFEST} cannot be read: {error}\nName another --checkpoint.") from None
    if manifest.version != VERSION:
        raise JobError(
            f"{folder.address} was written by another riskloom: its manifest has version {manifest.version}, this one "
            f"reads {VERSION}. Name another --checkpoint."
        )
    return manifest


def _next(
    folder: Folder,
    before: Manifest,
    now: Mapping[str, DomainState],
    entities: tuple[str, ...],
    partitions: int,
    committed: dict[str, dict[int, int]] | None,
    beginning: Offsets,
    choice: StateChoice | None,
) -> tuple[Manifest, list[str]]:
    """Decide on the manifest of this start, and say what is new."""
    notes = _came_and_went(before, now)
    if committed is None and (now != before.domains or entities != before.entities):
        # Nothing was kept yet: whatever is declared fits.
        offsets = _over(beginning, before.starting_offsets or {})
        update = {"generation": before.generation + 1, "starting_offsets": offsets, "state_partitions": partitions}
        return before.model_copy(update=update | {"domains": now, "entities": entities}), notes
    done = committed or _over(beginning, before.starting_offsets or {})
    left = dict(before.left) | {
        name: LeftDomain(state=state, offsets=done.get(state.topic, {}))
        for name, state in before.domains.items()
        if name not in now and state.topic in done
    }
    # A domain that is back is left no more once its topic is in a committed batch.
    left = {name: one for name, one in left.items() if name not in now or one.state.topic not in done}
    manifest = before.model_copy(update={"domains": now, "left": left})
    if choice in (StateChoice.NEW, StateChoice.BACKFILL):
        update = {"generation": before.generation + 1, "state_partitions": partitions, "entities": entities}
        reached = _over({topic: {} for topic in beginning}, _left_offsets(manifest), done)
        if choice is StateChoice.NEW:
            notes.append("a new state: all windows start empty")
            return manifest.model_copy(update=update | {"starting_offsets": _over(beginning, reached)}), notes
        notes.append("the windows are rebuilt from the topics' history; events scored already are not scored again")
        either: Offsets = {topic: {} for topic in (*before.emit_from, *reached)}
        emit_from = _over(either, before.emit_from, reached)
        return manifest.model_copy(update=update | {"starting_offsets": beginning, "emit_from": emit_from}), notes
    found = changes(before, now)
    new_entities = [name for name in entities if name not in before.entities]
    impossible = [f"windows of the entity {name} were added" for name in new_entities]
    if impossible or (found and choice is None):
        raise JobError(_refusal(folder, [*impossible, *found], keep=not impossible))
    if found:
        notes.append("the state is kept: " + "; ".join(found))
    if partitions != before.state_partitions:
        notes.append(f"the state has {before.state_partitions} partitions, not {partitions}, until there is a new one")
    return manifest, notes


def _came_and_went(before: Manifest, now: Mapping[str, DomainState]) -> list[str]:
    added, removed = (sorted(a.keys() - b.keys()) for a, b in ((now, before.domains), (before.domains, now)))
    notes = []
    if added:
        notes.append(f"joined since the last start: {', '.join(added)}")
    if removed:
        notes.append(f"gone since the last start: {', '.join(removed)}; what is kept for them stays for a while")
    return notes


def _left_offsets(manifest: Manifest) -> dict[str, Mapping[int, int]]:
    return {left.state.topic: left.offsets for name, left in manifest.left.items() if name in manifest.domains}


def _read_on(manifest: Manifest, now: Mapping[str, DomainState], committed: Offsets, beginning: Offsets) -> Offsets:
    """Where a generation goes on: where its last batch ended, and with a topic that came where it was left."""
    topics = {state.topic for state in now.values()}
    came = _over(
        {topic: beginning[topic] for topic in topics - committed.keys()},
        {topic: offsets for topic, offsets in _left_offsets(manifest).items() if topic not in committed},
    )
    return {topic: offsets for topic, offsets in committed.items() if topic in topics} | came


def _over(below: Offsets, *above: Offsets) -> dict[str, dict[int, int]]:
    """The higher offset of each partition, of the topics of the first."""
    found = {topic: dict(offsets) for topic, offsets in below.items()}
    for offsets in above:
        for topic, of_topic in offsets.items():
            if topic in found:
                for partition, offset in of_topic.items():
                    found[topic][partition] = max(offset, found[topic].get(partition, 0))
    return found


def _refusal(folder: Folder, found: Sequence[str], keep: bool) -> str:
    choices = [
        ("new", "go on from the same offsets; all windows start empty"),
        ("backfill", "read the topics' history into new windows; no score is written twice"),
    ]
    if keep:
        choices.insert(0, ("keep", "go on; the windows named above start empty and fill up as events come"))
    listed = "\n".join(f"  - {one}" for one in found)
    options = "\n".join(f"  --state {name:<9} {text}" for name, text in choices)
    return f"the windows kept in {folder.address} do not fit what is declared:\n{listed}\nChoose, once:\n{options}"
