"""What docs/nightly.md promises of `nightly install` and of the options that commands repeat.

systemd is not asked to start anything: its programs are stood for. What a service would run is read from its unit by
systemd's own rules, and where `systemd-analyze` is installed it reads the units too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import cli
from harness.cli.nightly import install as install_command
from harness.cli.nightly import measure as nightly_command
from harness.cli.nightly import units as units_module
from harness.core.case import Case
from suites import suite
from suites.artifacts import catalog

NET = catalog.ARTIFACTS / "mobilenet_v2-0.35-32" / "fp32.onnx"


class Systemd:
    """Stands for `systemctl` and `systemd-analyze`: notes what was called, and refuses units with `complaint`."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, complaint: str = "") -> None:
        self.ran: list[list[str]] = []
        self.folder, self.complaint = folder / "config" / "systemd" / "user", complaint
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        patch.delenv("EDGEBENCH_STORE", raising=False)
        patch.setattr(install_command, "subprocess", SimpleNamespace(run=self.run))
        patch.setattr(install_command, "shutil", SimpleNamespace(which=lambda name: f"/bin/{name}"))
        patch.chdir(folder)

    def run(self, command: list[str], **_: Any) -> Any:
        self.ran.append(command)
        refused = command[1] == "verify" and self.complaint
        return SimpleNamespace(returncode=int(bool(refused)), stderr=self.complaint)

    def install(self, *words: str) -> int:
        try:
            return cli.main(["nightly", "install", *words, "--user"])
        except SystemExit as refused:
            return int(refused.code or 0)

    def units(self) -> dict[str, str]:
        """The text of each unit, by its kind."""
        return {path.suffix[1:]: path.read_text() for path in self.folder.iterdir()}

    def command(self) -> list[str]:
        """The words of the service's command, as systemd reads them."""
        (line,) = [line for line in self.units()["service"].splitlines() if line.startswith("ExecStart=")]
        return words_of(line.removeprefix("ExecStart="))


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    return Systemd(tmp_path, monkeypatch)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def words_of(line: str) -> list[str]:
    """The words of a command line by systemd.syntax(7) and systemd.service(5)."""
    found = []
    for word in re.findall(r'"(?:\\.|[^"\\])*"|[^\s"]+', line):
        assert not re.search(r"(?<!%)(%%)*%(?!%)", word), "a specifier"
        assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", word), "a variable"
        text = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), word[1:-1] if word[0] == '"' else word)
        found.append(text.replace("$$", "$").replace("%%", "%"))
    return found


def test_install_writes_and_starts_a_timer(systemd) -> None:
    assert systemd.install("quick", "--at", "02:30") == 0
    names = ["edgebench-nightly-quick.service", "edgebench-nightly-quick.timer"]
    assert sorted(path.name for path in systemd.folder.iterdir()) == names
    assert systemd.command()[1:4] == ["nightly", "run", "quick"]
    assert "OnCalendar=*-*-* 02:30:00" in systemd.units()["timer"]
    assert "Persistent=true" in systemd.units()["timer"], "missed nights are caught up"
    assert systemd.ran[1:] == [
        ["/bin/systemctl", "--user", "daemon-reload"],
        ["/bin/systemctl", "--user", "enable", "--now", "edgebench-nightly-quick.timer"],
    ]


def test_install_repeats_the_whole_request(systemd, tmp_path, monkeypatch) -> None:
    """The service's words, parsed as a command line, are the request; nothing of it depends on folder or shell."""
    net = shutil.copy(NET, tmp_path / "my net.onnx")
    words = ["--model", "my net.onnx", "--profile", "full", "-k", "as-is", "-k", "onnx", "--threads=4", "--no-deep"]
    words += ["--runtime", "onnxruntime-cpu", "--runtime-option", "onnxruntime-cpu:x=1", "--memory-limit", "512"]
    words += ["--ambient-c=-5", "--seed", "7", "--tune", "--release", "2026-11-01", "--store", "bench.sqlite"]
    words += ["--power-supply", "-5 V", "--no-report", "--images", "100"]
    assert systemd.install(*words) == 0
    command = systemd.command()
    assert Path(command[0]).is_absolute()
    assert f"WorkingDirectory={tmp_path}" in systemd.units()["service"]
    as_given, repeated = (cli.parser().parse_args(each) for each in (["nightly", "run", *words], command[1:]))
    as_given.model, as_given.store = [str(net)], str(tmp_path / "bench.sqlite")
    assert vars(repeated) == vars(as_given)

    for variable, given, expected in (
        ("EDGEBENCH_STORE", "mine.sqlite", tmp_path / "mine.sqlite"),
        ("XDG_DATA_HOME", str(tmp_path / "elsewhere"), tmp_path / "elsewhere" / "edgebench" / "store.sqlite"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(variable, given)
            assert systemd.install() == 0
            assert systemd.command()[1:] == ["nightly", "run", "quick", "--store", str(expected)]
    boards, own = tmp_path / "boards", tmp_path / "own.toml"
    boards.mkdir()
    shutil.copy(suite.FOLDER / "quick.toml", own)
    place = ["--store", "sqlite:///a.sqlite"]
    assert cli.main(["--targets", "boards", "nightly", "install", "own.toml", "--user", *place]) == 0
    words = words_of((systemd.folder / "edgebench-nightly-own.service").read_text().partition("ExecStart=")[2])
    for word in ("--targets", str(boards), str(own), f"sqlite:///{tmp_path}/a.sqlite"):
        assert word in words
    assert "own.toml" not in words


@pytest.mark.parametrize(
    "value",
    [
        "p%40ss", "100%", "%h %%", "$HOME", "${x}$$", "two words", " ", 'a "b"', "it's", "back\\slash\\n", "tab\tend",
        ";", "; reboot", "#x", "è=ü", "a|b&c", "[*?]", "~", "-", "--x", "@/:!+-",
    ],
)  # fmt: skip
def test_systemd_reads_every_value_as_it_was_written(systemd, tmp_path, value) -> None:
    assert systemd.install("--power-supply=" + value) == 0
    repeated = cli.parser().parse_args(systemd.command()[1:])
    assert repeated.power_supply == value
    assert systemd.ran[0][:2] == ["/bin/systemd-analyze", "verify"]
    assert [Path(file).suffix for file in systemd.ran[0][2:]] == [".service", ".timer"]
    if analyze := shutil.which("systemd-analyze"):
        files = []
        for kind, text in systemd.units().items():
            files.append(tmp_path / f"edgebench-nightly-quick.{kind}")
            files[-1].write_text(re.sub("ExecStart=[^ ]*", "ExecStart=/bin/true", text))
        done = subprocess.run([analyze, "verify", *files], check=False, capture_output=True, text=True)
        assert "edgebench-nightly" not in done.stderr


def test_install_refuses_what_no_night_could_do(systemd, tmp_path, monkeypatch, capsys) -> None:
    for words, told in (
        (["--out", "nights"], "--out cannot be repeated every night"),
        (["--resume"], "--resume cannot be repeated every night"),
        (["no-such-suite"], "no-such-suite"),
        (["--profile", "fastest"], "fastest"),
        (["--model", "gone.onnx"], "gone.onnx"),
        (["--runtime", "no-such-runtime"], "no-such-runtime"),
        (["--target", "no-such-board"], "no-such-board"),
        (["-k", "no-such-case"], "no-such-case"),
        (["--threads", "none"], "none"),
        (["--no-such-option"], "--no-such-option"),
        (["--at", "25:00"], "not a time of day"),
    ):
        assert systemd.install(*words) == 2, words
        assert told in capsys.readouterr().err
        assert not systemd.folder.exists()
        assert systemd.ran == []
    systemd.complaint = "/x/edgebench-nightly-quick.service:8: Failed to resolve unit specifiers in p%40ss"
    assert systemd.install() == 2
    assert "Failed to resolve unit specifiers" in capsys.readouterr().err
    assert not systemd.folder.exists()
    systemd.complaint = "/lib/systemd/system/other.service:3: Unknown key"
    assert systemd.install() == 0, "another unit's fault is not this one's"
    assert systemd.install("--power-supply", "5 V \udcff") == 2, "no UTF-8"
    assert systemd.install("--power-supply", "5 V\n[Install]") == 2, "a line break"
    assert systemd.install("--runtime-option", "onnxruntime-cpu:password=hunter2") == 2, "a password"
    assert "hunter2" not in capsys.readouterr().err
    odd = tmp_path / "line\nbreak"
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert systemd.install() == 2


PASSWORDS = ("hunter2", "p%40ss%25", "p$w`d", "p'w", 'p"w', "p\\w", "p%w", "è米")


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "form", ["postgresql://u:{}@lab/bench", "postgresql+psycopg://lab/bench?sslpassword={}&user=u"]
)
@pytest.mark.parametrize("given", [True, False], ids=["option", "variable"])
def test_a_password_stands_in_a_file_of_its_owner_and_in_no_unit(
    systemd, monkeypatch, capsys, password, form, given
) -> None:
    store = form.format(password)
    if given:
        assert systemd.install("--store", store) == 0
    else:
        monkeypatch.setenv("EDGEBENCH_STORE", store)
        assert systemd.install() == 0
    files = {path.suffix: path for path in systemd.folder.iterdir()}
    assert sorted(files) == [".env", ".service", ".timer"]
    assert files[".env"].stat().st_mode & 0o777 == 0o600
    assert variables_of(files[".env"].read_text()) == {"EDGEBENCH_STORE": store}
    assert f"EnvironmentFile={files['.env']}\n" in files[".service"].read_text()
    assert "--store" not in systemd.command()
    said = capsys.readouterr()
    for text in (files[".service"].read_text(), files[".timer"].read_text(), said.out, said.err):
        assert password not in text


def variables_of(text: str) -> dict[str, str]:
    """The variables of a file that systemd reads, by EnvironmentFile= in systemd.exec(5)."""
    lines = [line.partition("=") for line in text.splitlines()]
    assert all(re.fullmatch(r'"(?:\\.|[^"\\])*"', value) for _, _, value in lines)
    return {name: re.sub(r'\\(["\\`$])', r"\1", value[1:-1]) for name, _, value in lines}


@pytest.mark.parametrize(
    "text", ["v1.2", "2026-13-01", "2026-11", "yesterday", "30d", "20261101", "", "2026-11-01T00:00"]
)
def test_release_takes_a_date_and_nothing_else(text, capsys) -> None:
    for action in ("run", "install"):
        with pytest.raises(SystemExit) as refused:
            cli.main(["nightly", action, "--release", text])
        assert refused.value.code == 2
        assert "is not a date such as 2026-11-01" in capsys.readouterr().err
    assert cli.parser().parse_args(["nightly", "run", "--release", "2026-11-01"]).release == "2026-11-01"


def test_the_units_wait_for_the_clock(systemd) -> None:
    assert systemd.install() == 0
    for text in systemd.units().values():
        head = text.partition("\n\n")[0].splitlines()
        assert {"Wants=time-sync.target", "After=time-sync.target"} <= set(head)
        assert head[0] == "[Unit]"
    assert units_module.timer("100%", "02:30").count("100%%") == 1


def test_the_command_of_a_finding_has_the_options_of_the_night(tmp_path, monkeypatch) -> None:
    """What the options leave out: where results go, and what the command cannot take."""
    monkeypatch.chdir(tmp_path)

    def request(*words: str) -> Any:
        line = ["nightly", "run", *words]
        arguments = cli.parser().parse_args(line)
        arguments.words = line
        return nightly_command._request(arguments, "full")

    case = Case("net", "int8-static", "onnxruntime-cpu", threads=4)
    how = ["--profile", "full", "--threads", "4", "-k", "int8", "--shape", "x=1x3x8x8", "--seed", "7"]
    where = ["--out", "x", "--store", "s.sqlite", "--json", "--no-report", "--release", "2026-11-01"]
    made = request("quick", *how, "--model", "my.onnx", "--artifact", "a|b=c.onnx", *where)
    again = made.measure(case.id)
    told = cli.parser().parse_args(re.sub("^edgebench ", "", again).replace("'", "").split())
    asked = cli.parser().parse_args(["run", "quick", *how, "-k", case.id])
    asked.model, asked.artifact = [f"{tmp_path}/my.onnx"], [("a|b", tmp_path / "c.onnx")]
    assert vars(told) == vars(asked)
    old, new = Path("/old.onnx"), Path("/new.onnx")
    pair = made.compare(case, "latency_p50_ns", old, new).split()
    assert pair[:4] == ["edgebench", "ab", "/old.onnx", "/new.onnx"]
    options = cli.parser().parse_args(pair[1:])
    assert (options.runtime_a, options.runtime_b, options.threads) == (case.runtime, case.runtime, case.threads)
    assert (options.profile, options.seed, options.shapes) == ("full", 7, [("x", (1, 3, 8, 8))])
    for not_paired in (
        made.compare(case, "top1", old, new),
        made.compare(case, "latency_p50_ns", None, new),
        request("quick", "--tune").compare(case, "latency_p50_ns", old, new),
        request("quick", "--runtime-option", "onnxruntime-cpu:a=b").compare(case, "latency_p50_ns", old, new),
    ):
        assert not_paired.startswith("edgebench run quick "), not_paired
        assert not_paired.endswith(f"-k '{case.id}'")
