"""What is fetched is used only when it is what it should be."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.core.errors import SetupError, UsageError
from suites.fetch import DebianPackage, Wheel, fetched


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    path = tmp_path / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some/data.bin", "content")
    return Wheel("some", "1.0", path.name, sha256(path))


def test_a_wheel_from_a_folder_is_read_when_its_hash_is_right(wheel: Wheel, tmp_path: Path) -> None:
    with wheel.open(tmp_path) as archive:
        assert archive.read("some/data.bin") == b"content"
    (tmp_path / wheel.file).write_bytes(b"another")
    with pytest.raises(SetupError, match=f"expected {wheel.sha256}"), wheel.open(tmp_path):
        pass


def test_a_wheel_that_is_not_there_says_where_to_put_it(wheel: Wheel, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="leave --from out"), wheel.open(tmp_path / "empty"):
        pass


def test_without_pip_a_wheel_can_be_brought_by_hand(wheel: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(SetupError, match=r"put some-1\.0-py3-none-any\.whl into a folder"), wheel.open():
        pass


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_files_of_a_debian_package_are_read_without_installing_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: stamps\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n"
    )
    (tree / "usr" / "share").mkdir(parents=True)
    for name in ("a", "b"):
        (tree / "usr" / "share" / name).write_text(name)
    subprocess.run(
        ["dpkg-deb", "--build", str(tree), str(tmp_path / "stamps_1_all.deb")], check=True, capture_output=True
    )
    package = DebianPackage("stamps")
    assert list(package.read({"usr/share/b": "key", "usr/share/none": "other"}, tmp_path)) == [("key", b"b")]
    (tmp_path / "stamps_1_all.deb").write_bytes(b"cut")
    with pytest.raises(SetupError, match="not a whole Debian package"):
        list(package.read({}, tmp_path))


def test_without_apt_get_a_package_can_be_brought_by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="this system has no apt-get") as raised:
        list(DebianPackage("stamps").read({}))
    assert "--from FOLDER" in raised.value.remedy


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the files in tmp_path/web, on this machine."""
    (tmp_path / "web").mkdir()

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(tmp_path / "web"))) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_a_file_of_the_web_is_used_when_its_hash_is_right_and_kept(server: str, tmp_path: Path) -> None:
    file = tmp_path / "web" / "net.pt"
    file.write_bytes(b"weights")
    url = f"{server}/net.pt#sha256={sha256(file)}"
    first = fetched(url)
    assert first.read_bytes() == b"weights"
    assert first.suffix == ".pt"
    file.unlink()
    assert fetched(url) == first


def test_another_file_than_expected_is_thrown_away(server: str, tmp_path: Path) -> None:
    (tmp_path / "web" / "net.pt").write_bytes(b"weights")
    with pytest.raises(SetupError, match="thrown away"):
        fetched(f"{server}/net.pt#sha256={'0' * 64}")
    assert not list((tmp_path / "cache").rglob("*net.pt"))


@pytest.mark.parametrize("url", ["https://example.org/net.pt", "https://example.org/net.pt#sha256=12"])
def test_an_address_without_a_hash_is_not_even_looked_at(url: str) -> None:
    with pytest.raises(UsageError, match="no hash to be checked by"):
        fetched(url)


def test_what_is_no_address_of_the_web_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no address of the web"):
        fetched(f"file://{tmp_path}/net.pt#sha256={'0' * 64}")
