"""Compiles LaTeX, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_INSTALL = "apt-get install texlive-latex-recommended texlive-science"
_HEAD = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,siunitx}\begin{document}"


def compiled(folder: Path, body: str) -> str:
    """What pdfLaTeX says about a document with this body; the test is skipped where a program or package is missing."""
    program, found = shutil.which("pdflatex"), shutil.which("kpsewhich")
    if (
        program is None
        or found is None
        or subprocess.run([found, "siunitx.sty", "booktabs.sty"], check=False).returncode
    ):
        pytest.skip(f"no LaTeX with booktabs and siunitx here: {_INSTALL}")
    (folder / "paper.tex").write_text(f"{_HEAD}\n{body}\n\\end{{document}}\n", encoding="utf-8")
    command = [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout
    assert (folder / "paper.pdf").is_file()
    return done.stdout
