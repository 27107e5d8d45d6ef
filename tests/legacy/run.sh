#!/usr/bin/env bash
# Tests on tflite-runtime, LiteRT's predecessor, which many boards still have. Its wheels are for Python up to 3.11 and
# NumPy 1, hence an environment of its own. The adapter takes it where ai-edge-litert is not installed: that comes with
# edgebench, and is taken out again.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=.venv-legacy
fits='import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 12))'
python=""
for each in "${PYTHON:-python3}" python3.11 python3.10 "$HOME"/.pyenv/versions/3.1[01].*/bin/python3; do
    if "$each" -c "$fits" 2>/dev/null; then python=$each; break; fi
done
if [ -z "$python" ]; then
    echo "no Python 3.10 or 3.11 here, and tflite-runtime has no wheel for another: skipped"
    exit 0
fi

if [ ! -e $venv/.installed ] || [ pyproject.toml -nt $venv/.installed ]; then
    "$python" -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[legacy]' hypothesis
    $venv/bin/python -m pip uninstall --quiet --yes ai-edge-litert
    touch $venv/.installed
fi
$venv/bin/python -m pytest -m "not prepare and not device" tests/e2e/test_tflite_runtime.py \
    tests/e2e/test_edgetpu.py tests/unit/runtimes/test_{edgetpu,edgetpu_model,execution,inputs,sessions}.py "$@"
