"""Model files to and from a folder, an HTTP server and another machine by ssh, none of which is trusted."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.errors import SetupError, UsageError
from suites.artifacts import catalog, model_cache
from suites.artifacts.model_cache import Entry
from suites.artifacts.transfer import move
from suites.artifacts.transfer.stores import MANIFEST, FolderStore, HttpStore, SshStore, Store, open_store

MODEL, SETTING = "mobilenet_v2-0.35-32", "channel-pruned-50+int8-weight-only"
CONTENT = b"a model file" * 1000
NAME = f"{MODEL} {SETTING} onnx"

UseMachine = Callable[[str], None]


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UseMachine:
    """Change to the machine of that name: each has a cache of its own."""

    def use(name: str) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "machines" / name))

    use("workstation")
    return use


def prepare(content: bytes = CONTENT, setting: str = SETTING) -> Entry:
    """A file as `edgebench prepare` leaves it."""
    origin = {"origin_sha256": catalog.shipped()[MODEL, "fp32", "onnx"]["sha256"]}
    digest = sha256(content).hexdigest()
    entry = Entry(MODEL, setting, "onnx", digest, len(content), 7, 9, None, origin)
    with model_cache.build_folder() as folder:
        (folder / MODEL).mkdir()
        (folder / entry.file).write_bytes(content)
        model_cache.keep(entry, folder)
    return entry


class Server(BaseHTTPRequestHandler):
    """GET, HEAD and PUT of files in a folder, as object stores answer them."""

    folder: Path

    def do_GET(self) -> None:
        file = self.folder / self.path.lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(file.stat().st_size))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(file.read_bytes())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        if self.folder.name == "read-only":
            self.send_error(403)
            return
        (self.folder / self.path.lstrip("/")).write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(folder: Path) -> Iterator[HttpStore]:
    handler = type("Handler", (Server,), {"folder": folder})
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield HttpStore(f"http://127.0.0.1:{server.server_address[1]}/")
        server.shutdown()
        thread.join()


SSH = """#!/bin/sh
# As ssh does: options end at --, the command goes to the shell of the other side, in the user's home there.
[ "$1" = -- ] || exit 255
[ "$2" = me@board ] || { echo "ssh: Could not resolve hostname $2" >&2; exit 255; }
cd "$FAKE_HOME" && exec sh -c "$3"
"""


def board(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SshStore:
    """Another machine whose home is `folder`, behind a stand-in for the ssh command."""
    binaries, home = folder / "bin", folder / "home"
    binaries.mkdir(parents=True)
    home.mkdir()
    (binaries / "ssh").write_text(SSH)
    (binaries / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_HOME", str(home))
    return SshStore("me@board", "my models/it's here")


@pytest.fixture(params=["folder", "http", "ssh"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Each kind of store, empty."""
    if request.param == "folder":
        yield FolderStore(tmp_path / "a" / "stick")
    elif request.param == "http":
        yield from serve(tmp_path / "served")
    else:
        yield board(tmp_path / "board", monkeypatch)


def push(store: Store) -> dict[str, str]:
    return {moved.name: moved.state for moved in move.push(store, move.at_hand(with_shipped=False))}


def pull(store: Store) -> dict[str, str]:
    return {moved.name: moved.state for moved in move.pull(store, move.offered(store)[0])}


def test_what_is_pushed_on_one_machine_is_pulled_on_another(store: Store, on: UseMachine) -> None:
    entry = prepare()
    assert push(store) == {NAME: "moved"}
    assert push(store) == {NAME: "there already"}
    on("pi")
    assert model_cache.find(*entry.key) is None
    assert pull(store) == {NAME: "moved"}
    assert model_cache.find(*entry.key) == entry
    assert entry.path.read_bytes() == CONTENT
    assert pull(store) == {NAME: "there already"}


def test_a_file_that_was_changed_on_its_way_is_thrown_away(store: Store, on: UseMachine, tmp_path: Path) -> None:
    entry = prepare()
    push(store)
    (tmp_path / "other").write_bytes(CONTENT[:-1] + b"X")
    store.write(entry.sha256, tmp_path / "other")
    on("pi")
    (moved,) = move.pull(store, move.offered(store)[0])
    assert moved.state == "failed"
    assert "another file" in moved.reason
    assert model_cache.find(*entry.key) is None
    assert not [path for path in model_cache.prepared_dir().rglob("*") if path.is_file()]
    on("workstation")
    assert push(store) == {NAME: "moved"}


def test_a_manifest_of_several_pushes_names_all_files(store: Store, on: UseMachine) -> None:
    prepare()
    push(store)
    on("laptop")
    prepare(b"another", "channel-pruned-50+fp16")
    push(store)
    assert {entry.compression for entry in move.offered(store)[0]} == {SETTING, "channel-pruned-50+fp16"}


def test_a_file_that_is_longer_than_announced_is_not_read_to_its_end(
    store: Store, on: UseMachine, tmp_path: Path
) -> None:
    entry = prepare()
    push(store)
    (tmp_path / "endless").write_bytes(CONTENT * 1000)
    store.write(entry.sha256, tmp_path / "endless")
    on("pi")
    assert pull(store) == {NAME: "failed"}


def test_an_empty_store_says_so(store: Store) -> None:
    with pytest.raises(SetupError, match="no manifest"):
        move.offered(store)


@pytest.mark.usefixtures("on")
def test_an_interrupted_pull_goes_on_where_it_stopped(tmp_path: Path, on: UseMachine) -> None:
    prepare()
    prepare(b"another", "channel-pruned-50+fp16")
    store = FolderStore(tmp_path / "stick")
    push(store)
    on("pi")
    next(move.pull(store, move.offered(store)[0]))
    assert sorted(pull(store).values()) == ["moved", "there already"]


def evil(store: FolderStore, **change: object) -> None:
    """Put a manifest with one changed entry into a store."""
    entry = prepare()
    push(store)
    manifest = json.loads((store.path / MANIFEST).read_text())
    manifest["artifacts"][0].update(change)
    (store.path / MANIFEST).write_text(json.dumps(manifest))
    assert entry.intact


@pytest.mark.parametrize(
    "change",
    [
        {"model": "../../../etc"},
        {"model": "/etc-1.0-32"},
        {"compression": "../fp32"},
        {"compression": "fp32\n"},
        {"format": "../onnx"},
        {"format": "openvino"},
        {"sha256": "../../secret"},
        {"bytes": -1},
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(
    change: dict[str, object], tmp_path: Path, on: UseMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FolderStore(tmp_path / "stick")
    evil(store, **change)
    on("pi")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["artifacts", "pull", str(store.path)]) == 4
    assert "refused" in capsys.readouterr().err
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_file_goes_where_its_name_says_not_where_the_manifest_says(tmp_path: Path, on: UseMachine) -> None:
    store = FolderStore(tmp_path / "stick")
    evil(store, file="../../../escaped.onnx")
    on("pi")
    assert pull(store) == {NAME: "moved"}
    assert not list(tmp_path.rglob("escaped*"))
    assert (model_cache.prepared_dir() / MODEL / f"{SETTING}.onnx").is_file()


def test_a_shipped_name_cannot_be_taken_by_another_file(tmp_path: Path, on: UseMachine) -> None:
    store = FolderStore(tmp_path / "stick")
    evil(store, compression="fp32")
    on("pi")
    (moved,) = move.pull(store, move.offered(store)[0])
    assert (moved.state, moved.reason) == ("refused", "this edgebench ships another file of that name")


def test_a_file_of_a_net_that_ships_no_more_is_refused(tmp_path: Path, on: UseMachine) -> None:
    store = FolderStore(tmp_path / "stick")
    evil(store, recipe={"origin_sha256": "0" * 64})
    on("pi")
    assert pull(store) == {NAME: "refused"}


@pytest.mark.parametrize("content", ["{", "[]", '{"artifacts": {}}', '"x"', "[" * 100_000])
def test_a_manifest_that_is_none_is_an_error_in_words(content: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(SetupError, match="manifest cannot be read"):
        move.offered(FolderStore(tmp_path))


def test_a_manifest_without_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suites.artifacts.transfer.stores.LARGEST_MANIFEST_BYTES", 10)
    (tmp_path / MANIFEST).write_text('{"artifacts": []}')
    with pytest.raises(SetupError, match="too large"):
        move.offered(FolderStore(tmp_path))


def test_a_server_that_takes_nothing_is_named_with_its_answer(tmp_path: Path, on: UseMachine) -> None:
    on("workstation")
    prepare()
    for store in serve(tmp_path / "read-only"):
        with pytest.raises(SetupError, match="403"):
            push(store)


def test_a_server_that_is_not_there_is_an_error_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "pull", "http://127.0.0.1:9/models"]) == 2
    assert "http://127.0.0.1:9/models" in capsys.readouterr().err


@pytest.mark.usefixtures("on")
def test_a_host_that_is_not_there_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board(tmp_path / "board", monkeypatch)
    assert main(["artifacts", "pull", "me@nowhere:models"]) == 2
    assert "ssh me@nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "store"),
    [
        ("models", FolderStore(Path("models"))),
        ("./a:b", FolderStore(Path("a:b"))),
        ("pi:models/", SshStore("pi", "models")),
        ("me-too@pi-4.local:~/models", SshStore("me-too@pi-4.local", "models")),
        ("pi:", SshStore("pi", ".")),
        ("pi:/", SshStore("pi", "/")),
        ("https://example.org/m", HttpStore("https://example.org/m")),
    ],
)
def test_a_place_is_read_as_scp_reads_it(text: str, store: Store) -> None:
    assert open_store(text) == store


@pytest.mark.parametrize("text", ["-oProxyCommand=x:y", "-o@host:y", "ftp://example.org", "a b:c", "me@-pi:x"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        open_store(text)


@pytest.mark.usefixtures("on")
def test_the_commands_move_what_the_filter_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare()
    assert main(["artifacts", "push", str(tmp_path / "s"), "-k", "mobilenet_v2", "-k", "fp32"]) == 0
    assert "2 moved" in capsys.readouterr().out
    assert main(["artifacts", "push", str(tmp_path / "s"), "--prepared"]) == 0
    assert "1 moved" in capsys.readouterr().out
    assert main(["artifacts", "pull", str(tmp_path / "s")]) == 0
    assert "3 there already" in capsys.readouterr().out
