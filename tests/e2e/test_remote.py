"""`--on BOARD`: a command runs there, a run comes back; over a real sshd where there is one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli._remote import RUNTIMES
from harness.core.errors import EXIT_OK, EXIT_USAGE
from harness.fleet import ssh
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench
from tests.fakes import board as fake

CASE = ("-k", EMBEDDED, "-k", "int8-static", "-k", "onnxruntime", *SMOKE)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of edgebench on a board whose environment is there."""
    cache = fake.connect(tmp_path, monkeypatch)
    fake.provide_environment(cache)
    return cache


def test_a_run_on_a_board_comes_back_whole(
    edgebench: Edgebench, board: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = edgebench("run", "quick", *CASE, "--on", "pi@board", "--out", "runs/there")
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert "int8-static" in capfd.readouterr().out, "the board's own output is shown as it comes"
    folder = tmp_path / "runs" / "there"
    header = json.loads((folder / "run.json").read_text())
    (record,) = [json.loads(file.read_text()) for file in (folder / "records").iterdir()]
    assert header["provenance"]["driven_by"].endswith("over SSH")
    assert record["metrics"]["top1"]["value"] > 0.5
    assert (folder / "report.html").is_file()
    assert not any((board / "runs").iterdir()), "what came back is removed there"
    again = edgebench("run", "quick", *CASE, "--on", "pi@board", "--out", "runs/again", "--no-report", "--json")
    assert "0.0 MB sent" in again.stderr
    assert len(json.loads(again.stdout)) == 1


def test_a_user_s_model_is_brought_to_the_board(
    edgebench: Edgebench, board: Path, tmp_path: Path, own_onnx: Path
) -> None:
    done = edgebench(
        "run",
        own_onnx.name,
        *SMOKE,
        "--runtime",
        "onnxruntime-cpu",
        "--on",
        "board",
        "--out",
        "runs/own",
        "--no-report",
    )
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    (record,) = [json.loads(file.read_text()) for file in (tmp_path / "runs" / "own" / "records").iterdir()]
    assert record["case"]["model"] == "my_net"


def test_other_commands_run_there_too(edgebench: Edgebench, board: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words in (("doctor", "--json"), ("runtimes", "--json"), ("sensors", "--json")):
        done = edgebench(*words, "--on", "board")
        assert done.returncode == EXIT_OK, done.stderr
        assert json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "quick", "--on=-oProxyCommand=x"), "is no board"),
        (("run", "quick", "--on", "a;b"), "is no board"),
        (("run", "absent.onnx", "--on", "board"), "absent.onnx"),
        (("run", "no_such_suite", "--on", "board"), "unknown suite"),
        (("doctor", "--on", "board", "--host-root", "."), "exclude each other"),
    ],
)
def test_bad_input_is_refused(edgebench: Edgebench, board: Path, words: tuple[str, ...], message: str) -> None:
    done = edgebench(*words)
    assert done.returncode == EXIT_USAGE, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_board_that_does_not_answer_is_named(
    edgebench: Edgebench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\necho 'connect to host pi: No route to host' >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv(ssh.PROGRAM, str(program))
    done = edgebench("run", "quick", *CASE, "--on", "pi")
    assert done.returncode == EXIT_USAGE
    assert "pi: no connection: connect to host pi: No route to host" in done.stderr
    assert "ssh pi true" in done.stderr


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real OpenSSH server on the loopback interface; the folder of edgebench behind it."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if os.getuid() != 0 or not Path(program).is_file() or shutil.which("ssh") is None:
        pytest.skip("needs root, and: apt-get install openssh-server openssh-client")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}")
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/user.pub\n"
        f"PidFile {tmp_path}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nAcceptEnv XDG_CACHE_HOME\n"
    )
    (tmp_path / "config").write_text(
        f"Host board\n HostName 127.0.0.1\n Port {port}\n User root\n IdentityFile {tmp_path}/user\n"
        f" UserKnownHostsFile {tmp_path}/known\n SetEnv XDG_CACHE_HOME={tmp_path}/cache\n"
    )
    server = subprocess.Popen([program, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    assert "listening" in server.stderr.readline().lower()
    monkeypatch.setenv(ssh.PROGRAM, f"ssh -F {tmp_path}/config")
    try:
        yield tmp_path / "cache" / "edgebench"
    finally:
        server.terminate()
        server.communicate()


def test_a_run_over_a_real_sshd(edgebench: Edgebench, sshd: Path, tmp_path: Path) -> None:
    with ssh.Board("board") as board:
        version = board.call(["python3", "-c", "import sys; print(*sys.version_info[:3])"])
    if tuple(map(int, version.split())) != sys.version_info[:3]:
        pytest.skip("another Python is the first in the path of ssh's shells")
    fake.provide_environment(sshd)
    assert RUNTIMES
    done = edgebench("run", "quick", *CASE, "--on", "board", "--out", "runs/there", "--no-report")
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert len(list((tmp_path / "runs" / "there" / "records").iterdir())) == 1


def test_options_reach_the_board_as_they_were_given(edgebench: Edgebench, board: Path, tmp_path: Path) -> None:
    words = ("--ambient-c=-5", "--power-supply", "-5 V", "--seed", "7", "--no-report", "--on=board", "--out", "runs/x")
    done = edgebench("run", "quick", *CASE, *words)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    header = json.loads((tmp_path / "runs" / "x" / "run.json").read_text())
    assert (header["seed"], header["provenance"]["ambient_c"]) == (7, -5.0)
    assert header["provenance"]["power_supply"] == "-5 V"
    assert not any((board / "runs").iterdir())
