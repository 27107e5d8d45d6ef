from __future__ import annotations

import hashlib
import re
from importlib.resources import files

from reports.section import read_asset


def test_the_vendored_library_is_the_one_on_record() -> None:
    recorded = dict(re.findall(r'^(\w+) = "([^"]+)"', read_asset("plotly-cartesian.toml"), flags=re.MULTILINE))
    data = (files("reports") / "assets" / "plotly-cartesian.min.js").read_bytes()
    assert hashlib.sha256(data).hexdigest() == recorded["sha256"]
    assert f"v{recorded['version']}" in data[:200].decode()


def test_scripts_do_not_contain_their_closing_tag() -> None:
    assert "</script" not in read_asset("plotly-cartesian.min.js").lower()
    assert "</script" not in read_asset("report.js").lower()
