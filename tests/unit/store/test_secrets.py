"""The password of a store's URL stands in no record, page, message or log, wherever in the URL it stood."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import sqlalchemy as sa

from harness import cli
from harness.core.errors import EXIT_USAGE, StoreError
from harness.store.database.engine import translated
from harness.store.database.location import locate
from harness.store.runfolder import RunFolder
from reports.build import build
from tests import factory

PASSWORD = "hunter2xyz"
URLS = (
    f"postgresql://bench:{PASSWORD}@127.0.0.1:1/db",
    f"postgresql://127.0.0.1:1/db?user=u&password={PASSWORD}",
    f"postgresql://127.0.0.1:1/db?user=u&sslpassword={PASSWORD}",
    f"postgresql://127.0.0.1:1/db?user=u&pass%77ord={PASSWORD}",
    f"postgresql://u:a#{PASSWORD}@127.0.0.1/db",
    f"postgresql://u:{PASSWORD}/b@127.0.0.1/db",
    f"postgresql://u:[{PASSWORD}@127.0.0.1/db",
    f"postgresql://u:a?{PASSWORD}@127.0.0.1/db",
    f"postgresql://u:@{PASSWORD}?@127.0.0.1/db",
    f"postgresql://u:?{PASSWORD}@127.0.0.1/db",
    f"postgresql://u:12?{PASSWORD}@127.0.0.1/db",
    f"postgresql://127.0.0.1:{PASSWORD}/db",
    f"mysql://u:{PASSWORD}@127.0.0.1/db",
    f"host=127.0.0.1 user=u password={PASSWORD}",
    f"password='{PASSWORD}' host=lab",
)


@pytest.mark.parametrize("url", [url for url in URLS if f":{PASSWORD}/db" not in url])
def test_no_message_of_a_command_holds_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["history", "--store", url], ["--debug", "history", "--store", url], ["history", f"--stoer={url}"]):
        try:
            code = cli.main(words)
        except SystemExit as refused:
            code = int(refused.code or 0)
        said = capsys.readouterr()
        assert code == EXIT_USAGE
        assert PASSWORD not in said.out + said.err
    assert not any(PASSWORD in str(path) for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("url", URLS)
def test_neither_the_header_nor_the_report_of_a_run_holds_it(url: str, tmp_path: Path) -> None:
    words = ("edgebench", "run", "quick", "--store", url, f"--store={url}")
    if f":{PASSWORD}/db" in url:
        return  # in the place of the port
    run = factory.write_run(tmp_path / "run", factory.nets()[:1], command=words)
    assert PASSWORD not in (tmp_path / "run" / "run.json").read_text()
    assert run.header().command[:4] == words[:4]
    text = json.loads((tmp_path / "run" / "run.json").read_text()) | {"command": words}
    (tmp_path / "run" / "run.json").write_text(json.dumps(text))  # as an older version wrote it
    assert PASSWORD not in str(RunFolder(tmp_path / "run").header())
    assert PASSWORD not in build([run], tmp_path / "report.html").read_text()


@pytest.mark.parametrize("url", URLS[:4])
@pytest.mark.parametrize("said", ["invalid dsn: {0}", 'bad value "{0}"', "password={0} refused", "FATAL: {0}\nmore"])
def test_a_driver_that_quotes_it_is_masked(url: str, said: str) -> None:
    location = locate(url)
    assert PASSWORD not in str(location)
    with pytest.raises(StoreError) as raised, translated(location):
        raise sa.exc.OperationalError("connect", {}, Exception(said.format(PASSWORD)))
    assert PASSWORD not in str(raised.value)
    assert raised.value.__suppress_context__


def test_the_log_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = logging.LogRecord("x", logging.INFO, "x.py", 1, "opened %s", (URLS[0],), None)
    assert PASSWORD not in cli._MaskedFormatter("%(message)s").format(line)


def test_a_connection_string_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="is not the location of a store"):
        locate("host=lab password=x")
    with pytest.raises(StoreError, match="%23"):
        locate("postgresql://u:a#b@lab/db")
