from __future__ import annotations

import logging
import sys
import warnings

import pytest

from suites.converter_output import quiet


def test_nothing_that_goes_through_python_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():
        print("converting")
        print("12 %", file=sys.stderr)
        warnings.warn("deprecated", stacklevel=1)
        logging.getLogger("converter").warning("odd operator")
    assert capsys.readouterr() == ("", "")


def test_an_error_is_raised_and_the_log_speaks_again(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="no such operator"), quiet():
        raise ValueError("no such operator")
    logging.getLogger("edgebench").warning("heard")
    assert "heard" in caplog.text
