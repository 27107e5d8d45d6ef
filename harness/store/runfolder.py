"""A run on disk: `run.json`, `records/<case>.json` and `blobs/<sha256>.npz`.

Writing needs the standard library and NumPy alone, since the measuring process writes. Reading validates each document
against the dataclasses of `harness.core` and imports pydantic for that (in `documents`).
"""

from __future__ import annotations

import gc
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.core.errors import RecordError, UsageError, reason_of
from harness.core.files import numbered, record_name, write_atomic
from harness.core.folder_lock import FolderInUse, locked
from harness.core.npz import MOST_BYTES, read_npz
from harness.core.printable import escape_surrogates
from harness.core.record import Blob, Record, RunHeader, digest_of, to_json

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Contents:
    """The records of a run folder.

    Attributes:
        records: The records that can be read, in planned order.
        damaged: Why a file cannot be read, by its name.

    """

    records: tuple[Record, ...]
    damaged: Mapping[str, str]

    def missing(self, planned: Iterable[str]) -> tuple[str, ...]:
        """Return the planned case ids without a readable record, in planned order."""
        done = {record.case_id for record in self.records}
        return tuple(case_id for case_id in planned if case_id not in done)

    def refuse_all_damaged(self) -> None:
        """Raise RecordError where there are records and none of them can be read: that is not an empty run."""
        if self.damaged and not self.records:
            first = next(iter(self.damaged.values()))
            raise RecordError(f"no record can be read: {first}", "copy the run folder again, or measure again")


class RunFolder:
    """The folder of one run. It holds no state but its path; every method reads or writes the disk."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Path | str, header: RunHeader, *, number: bool = False) -> RunFolder:
        """Create the folder of a run and write its header.

        Of several processes that want the same folder at once, one gets it.

        Args:
            path: Path of the folder.
            header: The run's header.
            number: Whether a path that is taken gets a number; the folder is then `path`-2, `path`-3 and so on.

        Raises:
            UsageError: The folder already holds a run.
        FolderInUse: Another process writes to it.

        """
        for place in numbered(Path(path)) if number else (Path(path),):
            run = cls(place)
            try:
                if run._begin(header):
                    return run
            except FolderInUse:
                if not number:
                    raise
        raise UsageError(f"{path} already holds a run", "choose another --out, or resume that run")

    def _begin(self, header: RunHeader) -> bool:
        """Make the folders of a new run and write its header; False where it has a run.

        A folder whose process was killed before it wrote the header, or any record, is taken over.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path):
            if self._header_file.exists() or any(self._records.glob("*")):
                return False
            self._records.mkdir(exist_ok=True)
            self._blobs.mkdir(exist_ok=True)
            self.write_header(header)
        return True

    def write_header(self, header: RunHeader) -> None:
        """Write `run.json` atomically: at the start of the run, and again at its end."""
        write_atomic(self._header_file, _encode(to_json(header)))

    def append(self, record: Record) -> Path:
        """Write the record of a case atomically, after its blobs; return the file."""
        path = self.record_file(record)
        document = to_json(record)
        write_atomic(path, _encode({**document, "digest": digest_of(json.loads(_encode(document)))}))
        return path

    def record_file(self, record: Record) -> Path:
        """Return the path of a case's record, which need not exist."""
        return self._records / record_name(record.case_id, record.case.slug)

    def put_blob(self, arrays: Arrays) -> tuple[str, int]:
        """Store named arrays under the hash of their file; return (sha256, length of the first array)."""
        data = _npz(arrays)
        digest = hashlib.sha256(data).hexdigest()
        if not self.blob_file(digest).exists():
            write_atomic(self.blob_file(digest), data)
        return digest, len(next(iter(arrays.values())))

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays stored under a hash; RecordError if the file is missing or damaged."""
        path = self.blob_file(sha256)
        try:
            if path.stat().st_size > MOST_BYTES:
                raise RecordError(f"{path}: larger than any file of samples", "measure the case again")
            data = path.read_bytes()
        except OSError as error:
            raise RecordError(f"{path}: {reason_of(error)}", "the run folder was copied without its blobs") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RecordError(f"{path}: the contents do not match the name", "the file was damaged; copy it again")
        try:
            return read_npz(data)
        except ValueError as error:
            raise RecordError(f"{path}: not arrays of samples: {error}", "measure the case again") from None

    def header(self) -> RunHeader:
        """Return the header of the run; RecordError if there is none or it cannot be read."""
        from .documents import parse_header

        if not self._header_file.is_file():
            raise RecordError(
                f"{self.path} is not a run folder: it has no run.json", "give the folder that --out named"
            )
        return parse_header(self._header_file)

    def contents(self) -> Contents:
        """Return every record that can be read, and why the others cannot."""
        from .documents import parse_record

        records: list[Record] = []
        damaged: dict[str, str] = {}
        seen: dict[str, str] = {}
        header = self.header()
        with _collector_paused():
            for path in sorted(self._records.glob("*.json")):
                try:
                    record = parse_record(path)
                    _check_place(record, path, header, seen)
                    records.append(record)
                except RecordError as error:
                    damaged[path.name] = error.message
        position = {case_id: index for index, case_id in enumerate(header.planned)}
        records.sort(key=lambda record: (position.get(record.case_id, len(position)), record.case_id))
        return Contents(tuple(records), damaged)

    def records(self) -> list[Record]:
        """Return the records that can be read, in planned order."""
        return list(self.contents().records)

    def missing(self) -> tuple[str, ...]:
        """Return the planned case ids without a readable record, in planned order."""
        return self.contents().missing(self.header().planned)

    @property
    def _header_file(self) -> Path:
        return self.path / "run.json"

    @property
    def _records(self) -> Path:
        return self.path / "records"

    @property
    def _blobs(self) -> Path:
        return self.path / "blobs"

    def blob_file(self, sha256: str) -> Path:
        """Return the path of a blob, which need not exist; RecordError if `sha256` is not a hash."""
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):  # it comes from a record and becomes a path
            raise RecordError(f"not the name of a blob: {sha256[:80]!r}", "the record was damaged or edited")
        return self._blobs / f"{sha256}.npz"


def _check_place(record: Record, path: Path, header: RunHeader, seen: dict[str, str]) -> None:
    """Raise RecordError for a record of another run, of another case than its id says, or that is there already."""
    problem = ""
    if record.run_id != header.run_id:
        problem = f"it is of the run {record.run_id}, this one is {header.run_id}"
    elif record.case_id != record.case.id:
        problem = f"its id is {record.case_id}, its case is {record.case.id}"
    elif (other := seen.setdefault(record.case_id, path.name)) != path.name:
        problem = f"{other} is a record of the same case"
    if problem:
        raise RecordError(f"{path}: {problem}", "remove it, or copy the run folder again")


class SettledRun(RunFolder):
    """The folder of a run that nothing writes to any more: its records are read once, however often they are asked."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._read: Contents | None = None

    def contents(self) -> Contents:
        """Return every record that can be read, and why the others cannot."""
        if self._read is None:
            self._read = super().contents()
        return self._read


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the search for reference cycles: records have none, and it would look at all of them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _npz(arrays: Arrays) -> bytes:
    """Encode arrays as a compressed .npz; `numpy.savez` before version 2.1 cannot refuse to pickle objects."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # with a fixed date: equal arrays give equal bytes
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def _encode(document: Mapping[str, object]) -> bytes:
    """Encode as JSON; a NaN or infinity raises ValueError."""
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1)
    return escape_surrogates(text, backslash=r"\\").encode()


FindBlob = Callable[[str], Mapping[str, npt.NDArray[np.generic]]]


def sample_blobs(record: Record) -> Iterator[Blob]:
    """Yield the blobs with an array 'wall_ns': one per process, or that of an imported record."""
    yield from (process.blob for process in record.processes)
    imported = record.details.get("samples")
    if isinstance(imported, Mapping):
        yield Blob(**imported)


def latencies_ns(record: Record, blob: FindBlob) -> npt.NDArray[np.int64]:
    """Return all timed latencies of a record in nanoseconds, in the order of its processes; empty if it has none."""
    parts = [_wall_ns(record, samples, blob(samples.sha256)) for samples in sample_blobs(record)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _wall_ns(record: Record, named: Blob, arrays: Arrays) -> npt.NDArray[np.int64]:
    """Return the latencies of a blob; RecordError where they are of another kind, or not as many as the record says."""
    wall_ns = arrays.get("wall_ns")
    if wall_ns is None or wall_ns.ndim != 1 or wall_ns.dtype.kind not in "iu" or len(wall_ns) != named.n:
        raise RecordError(
            f"{record.case_id}: the raw file {named.sha256}.npz does not hold its {named.n} latencies",
            "the record was damaged or edited: measure the case again",
        )
    if len(wall_ns) and not 0 <= int(wall_ns.min()) <= int(wall_ns.max()) < 2**63:
        raise RecordError(
            f"{record.case_id}: the raw file {named.sha256}.npz holds times that cannot be",
            "the record was damaged or edited: measure the case again",
        )
    return np.asarray(wall_ns, dtype=np.int64)
