"""A run on disk: `run.json`, `records/<case>.json` and `blobs/<sha256>.npz`.

Writing needs the standard library and numpy alone, since the measuring process writes; reading checks every document
against the dataclasses of `harness.core` and imports pydantic for it (in `documents`).

The raw latencies of a record, wherever its blobs are.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.core.errors import RecordError, UsageError
from harness.core.files import record_name, write_atomic
from harness.core.record import Blob, Record, RunHeader, to_json

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Contents:
    """What a run folder holds: `records` in planned order, and `damaged`: why a file could not be read, by its name."""

    records: tuple[Record, ...]
    damaged: Mapping[str, str]


class RunFolder:
    """One run's folder. Holds no state but the path: what is on disk is the truth."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Path | str, header: RunHeader) -> RunFolder:
        """Start a run in a folder that is new or empty of runs; UsageError when it already holds one."""
        run = cls(path)
        if run._header_file.exists():
            raise UsageError(f"{run.path} already holds a run", "choose another --out, or resume that run")
        for folder in (run._records, run._blobs):
            folder.mkdir(parents=True, exist_ok=True)
        run.write_header(header)
        return run

    def write_header(self, header: RunHeader) -> None:
        """Write `run.json`, whole: at the start of the run, and again at its end."""
        write_atomic(self._header_file, _encode(to_json(header)))

    def append(self, record: Record) -> Path:
        """Write one case's record, whole. Its blobs must have been put before. Returns the file."""
        path = self.record_file(record)
        write_atomic(path, _encode(to_json(record)))
        return path

    def record_file(self, record: Record) -> Path:
        """Where that case's record is, or would be."""
        return self._records / record_name(record.case_id, record.case.slug)

    def put_blob(self, arrays: Arrays) -> tuple[str, int]:
        """Keep named arrays under the hash of their file. Returns (sha256, length of the first array)."""
        data = _npz(arrays)
        digest = hashlib.sha256(data).hexdigest()
        if not self.blob_file(digest).exists():
            write_atomic(self.blob_file(digest), data)
        return digest, len(next(iter(arrays.values())))

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """The arrays kept under that hash; RecordError when the file is missing or not what was written."""
        path = self.blob_file(sha256)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RecordError(f"{path}: {error.strerror}", "the run folder was copied without its blobs") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RecordError(f"{path}: the contents do not match the name", "the file was damaged; copy it again")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return dict(arrays)

    def header(self) -> RunHeader:
        """The run's header; RecordError when there is none or it cannot be read."""
        from .documents import parse_header

        if not self._header_file.is_file():
            raise RecordError(f"{self.path} is no run folder: it has no run.json", "give the folder of --out")
        return parse_header(self._header_file)

    def contents(self) -> Contents:
        """Every record that can be read, and why the others cannot: one damaged file does not hide the rest."""
        from .documents import parse_record

        records: list[Record] = []
        damaged: dict[str, str] = {}
        for path in sorted(self._records.glob("*.json")):
            try:
                records.append(parse_record(path))
            except RecordError as error:
                damaged[path.name] = error.message
        place = {case_id: index for index, case_id in enumerate(self.header().planned)}
        records.sort(key=lambda record: (place.get(record.case_id, len(place)), record.case_id))
        return Contents(tuple(records), damaged)

    def records(self) -> list[Record]:
        """The records that can be read, in planned order."""
        return list(self.contents().records)

    def missing(self) -> tuple[str, ...]:
        """Planned case ids without a record that can be read, in planned order."""
        done = {record.case_id for record in self.contents().records}
        return tuple(case_id for case_id in self.header().planned if case_id not in done)

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
        """Where the arrays of that hash are, or would be; RecordError when it is no hash."""
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):  # it comes from a record and becomes a path
            raise RecordError(f"not a blob's name: {sha256[:80]!r}", "the record was damaged or edited")
        return self._blobs / f"{sha256}.npz"


def _npz(arrays: Arrays) -> bytes:
    """The arrays as a compressed .npz. numpy's own savez cannot refuse to pickle objects before version 2.1."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # with a fixed date: equal arrays give equal bytes
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def _encode(document: Mapping[str, object]) -> bytes:
    """As JSON; a NaN or infinity raises ValueError here, not in the reader's browser."""
    return json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1).encode()


FindBlob = Callable[[str], Mapping[str, npt.NDArray[np.generic]]]


def sample_blobs(record: Record) -> Iterator[Blob]:
    """Blobs with an array 'wall_ns': one a process, or the one that an import kept."""
    yield from (process.blob for process in record.processes)
    imported = record.details.get("samples")
    if isinstance(imported, Mapping):
        yield Blob(**imported)


def latencies_ns(record: Record, blob: FindBlob) -> npt.NDArray[np.int64]:
    """All timed latencies of a record in nanoseconds, process by process; empty where none were kept."""
    parts = [np.asarray(blob(one.sha256)["wall_ns"], dtype=np.int64) for one in sample_blobs(record)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
