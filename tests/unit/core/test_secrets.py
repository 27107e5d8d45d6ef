"""No form in which a password can be written survives `masked`, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from harness.core.secrets import has_secret, masked, masked_word

PASSWORDS = ("hunter2xyz", "hunter2@xyz", "hunter2:xyz", "hunter2/xyz", "hunter2?xyz", "hunter2#xyz", "hunter2%40xyz",
             "1234/hunter2xyz", "hunter2'xyz", 'hunter2"xyz', "hunter2;xyz", "hunter2\\xyz")  # fmt: skip
URLS = (
    "postgresql://bench:{}@lab/db",
    "postgresql+psycopg://bench:{}@lab:5432/db?sslmode=require",
    "postgresql://:{}@lab/db",
    "postgresql://be@nch:{}@lab/db",
    "mysql://bench:{}@lab",
    "--store=postgresql://bench:{}@lab/db",
    "could not parse 'postgresql://bench:{}@lab/db'",
)
PARAMETERS = (
    "postgresql://lab/db?password={}",
    "postgresql://lab/db?user=u&sslpassword={}&x=y",
    "postgresql://lab/db?pass%77ord={}",
    "postgresql://lab/db?PASSWORD={}",
    "host=lab password={} user=u",
    "host=lab password = {}",
    "--store=postgresql://lab/db?password={}",
    "--store=password={}",
    "PGPASSWORD={}",
    "onnxruntime-cpu:client_secret={}",
)


@pytest.mark.parametrize("form", [*URLS, *PARAMETERS])
@pytest.mark.parametrize("password", PASSWORDS)
def test_no_part_of_a_password_is_left(form: str, password: str) -> None:
    word = form.format(password)
    for text in (masked(word), masked_word(word), masked(f"connection to {word}\nnext line")):
        assert "hunter2" not in text
        assert "xyz" not in text
        assert "***" in text
    assert has_secret(word)


@pytest.mark.parametrize("form", ["host=lab password='{}'", 'host=lab password="{}"', "password = '{}' user=u"])
def test_a_quoted_value_is_masked_to_its_end(form: str) -> None:
    for password in ("hunter2 xyz", "hunter2\\'xyz", "hunter2&xyz"):
        assert "xyz" not in masked(form.format(password).replace("\"hunter2\\'", '"hunter2'))


@pytest.mark.parametrize("form", [URLS[0], PARAMETERS[0]])
def test_white_space_in_a_word_belongs_to_its_password(form: str) -> None:
    assert "xyz" not in masked_word(form.format("hunter2 x\nxyz"))


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://bench@lab:5432/db", "http://localhost:8080/runs", "https://host/a.onnx#sha256=00",
        "--shape=token_ids=1x128", "tokens=1x8", "a|b=c.onnx", "onnxruntime-cpu:threads=4", "password", "", "x=@/:!+-",
        "user@host:path", "sqlite:////srv/a b.sqlite", "postgresql://lab/db?user=u&passfile=/home/u/.pgpass",
    ],
)  # fmt: skip
def test_what_holds_no_password_stays(text: str) -> None:
    assert masked(text) == masked_word(text) == text
    assert not has_secret(text)
