"""A board over SSH: what is accepted as one, what goes there by hash, and what ends with the connection."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from harness.core.errors import SetupError, UsageError
from harness.fleet import board_side, kit, remote
from harness.fleet.ssh import Board, destination
from tests.fakes import board as fake


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return fake.connect(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "text", ["pi", "pi@raspberrypi.local", "ssh://pi@10.0.0.7:2222", "ssh://[fe80::1%eth0]:22", "lab-pi5"]
)
def test_what_ssh_takes_as_a_host_is_a_board(text: str) -> None:
    assert destination(text) == text


@pytest.mark.parametrize(
    "text", ["-oProxyCommand=reboot", "--", "pi; reboot", "$(reboot)", "a b", "a'b", "pi:22", "", "`x`", "pi@", "a\nb"]
)
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(UsageError, match="is no board"):
        destination(text)


def test_words_arrive_as_they_are(cache: Path) -> None:
    words = ["a b", "$(echo no)", "'", '"', "-n", "*", "a\nb"]
    with Board("board") as board:
        said = board.call([sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *words])
    assert json.loads(said) == words


def test_a_command_that_fails_says_why(cache: Path) -> None:
    with Board("board") as board, pytest.raises(SetupError, match=r"board: sh failed: no such thing"):
        board.call(["sh", "-c", "echo no such thing >&2; exit 3"])
    with Board("board") as board, pytest.raises(SetupError, match="no connection"):
        board.call(["sh", "-c", "exit 255"])


def test_files_are_sent_once_and_laid_out_under_their_names(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1" * 3000)
    (tmp_path / "two").write_bytes(b"")
    files = {"a/one": tmp_path / "one", "b/c/one": tmp_path / "one", "two": tmp_path / "two"}
    with Board("board") as board:
        folder, sent = kit.lay_out(board, "kit", files)
        assert sent == 3000
        assert {name: Path(folder, name).read_bytes() for name in files} == {
            name: path.read_bytes() for name, path in files.items()
        }
        assert kit.lay_out(board, "kit", files) == (folder, 0)
        (tmp_path / "two").write_bytes(b"22")
        other, sent = kit.lay_out(board, "kit", files)
    assert sent == 2
    assert other != folder


def test_a_file_that_arrives_as_another_is_not_kept(cache: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        header = tarfile.TarInfo(hashlib.sha256(b"right").hexdigest())
        header.size = 5
        archive.addfile(header, io.BytesIO(b"wrong"))
    with Board("board") as board, pytest.raises(SetupError, match="arrived as another file"):
        board.send(kit._python("receive"), iter([stream.getvalue()]))
    assert list((cache / "files").iterdir()) == []


def test_no_path_leads_out_of_a_folder(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for name in ("../x", "/tmp/x", "a/../../x"):
        with Board("board") as board, pytest.raises(SetupError, match="leads out of the folder"):
            kit.lay_out(board, "kit", {name: tmp_path / "x"})


@pytest.mark.parametrize("kind", ["link", "outside", "device"])
def test_a_run_that_comes_back_holds_files_alone(tmp_path: Path, kind: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        header = tarfile.TarInfo("../../outside" if kind == "outside" else "record")
        header.type = {"link": tarfile.SYMTYPE, "outside": tarfile.REGTYPE, "device": tarfile.FIFOTYPE}[kind]
        header.linkname = "/etc/passwd"
        archive.addfile(header)
    stream.seek(0)
    with pytest.raises(SetupError, match="is no file of a run"):
        kit.extract(stream, tmp_path / "a" / "b")
    assert not (tmp_path / "outside").exists()


def test_a_user_s_model_goes_with_all_its_files(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "1.png").write_bytes(b"png")
    with Board("board") as board:
        place = remote.upload(board, tmp_path / "photos")
        assert Path(place, "cat", "1.png").read_bytes() == b"png"
        assert Path(place).name == "photos"
        with pytest.raises(UsageError, match="No such file"):
            remote.upload(board, tmp_path / "absent.onnx")


def test_a_board_whose_python_is_too_old_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = json.dumps({"python": [3, 9, 2], "architecture": "armv7l", "folder": "/x", "free_bytes": 1})
    monkeypatch.setattr(Board, "call", lambda *_: answer.encode())
    with (
        Board("board") as board,
        pytest.raises(SetupError, match=r"has Python 3\.9; the libraries of edgebench need 3\.10"),
    ):
        kit.facts(board)


def test_what_does_not_fit_on_the_disk_is_not_sent(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2_000_000))
    with Board("board") as board, pytest.raises(SetupError, match="1 MB left, 2 MB are needed"):
        kit.lay_out(board, "kit", {"large": tmp_path / "large"}, free_bytes=1_000_000)


def test_the_exit_code_of_a_command_is_kept(cache: Path, tmp_path: Path) -> None:
    with Board("board") as board:
        for code in (0, 3, 70):
            assert board.attend(kit.attended(str(tmp_path), ["sh", "-c", f"exit {code}"])) == code
        assert board.attend(kit.attended(str(tmp_path), ["sh", "-c", "kill -9 $$"])) == 128 + 9


def attended(tmp_path: Path, *words: str) -> tuple[subprocess.Popen[bytes], int]:
    """A command that the board's side attends to, and the process id of a grandchild of it."""
    source = Path(board_side.__file__).read_text(encoding="utf-8")
    program = "echo $$ > pid; sleep 1000 & echo $! > grandchild; mv pid ready; wait"
    os.mkfifo(tmp_path / "started")
    command = [sys.executable, "-c", source, "attend", str(tmp_path), *(words or ("sh", "-c", program + "; true"))]
    side = subprocess.Popen(command, stdin=subprocess.PIPE)
    while not (tmp_path / "ready").exists():
        assert side.poll() is None
        threading.Event().wait(0.05)
    return side, int((tmp_path / "grandchild").read_text())


def gone(process_id: int) -> None:
    """Wait until a process has ended; the test hangs where it does not."""
    while True:
        try:
            stat = Path(f"/proc/{process_id}/stat").read_text()
        except OSError:
            return
        if stat.rpartition(")")[2].split()[0] == "Z":
            return
        threading.Event().wait(0.05)


def test_nothing_is_left_when_the_connection_ends(tmp_path: Path) -> None:
    side, grandchild = attended(tmp_path)
    assert side.stdin is not None
    side.stdin.close()
    side.wait()
    gone(grandchild)


def test_nothing_is_left_when_the_other_side_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is cut: no byte arrives, and the input does not end either."""
    patience = f"SILENCE_S = {board_side.SILENCE_S}"
    source = Path(board_side.__file__).read_text(encoding="utf-8")
    assert patience in source
    impatient = tmp_path / "side.py"
    impatient.write_text(source.replace(patience, "SILENCE_S = 0.5"))
    monkeypatch.setattr(board_side, "__file__", str(impatient))
    side, grandchild = attended(tmp_path)
    side.wait()
    gone(grandchild)
    assert side.stdin is not None
    side.stdin.close()


def test_the_code_alone_is_small_and_complete() -> None:
    names = kit.code()
    assert {
        "edgebench/__init__.py",
        "harness/cli/run.py",
        "suites/quick.toml",
        "suites/artifacts/manifest.json",
    } <= set(names)
    assert not any(name.endswith((".onnx", ".tflite", ".gz", ".pyc")) for name in names)
    assert sum(path.stat().st_size for path in names.values()) < 6_000_000
