#!/usr/bin/env bash
# What tests/arm64/run.sh does within the emulated userland: install, measure, test. qemu makes everything tens to
# hundreds of times slower, so that it does what only another architecture can tell: that the wheels for aarch64 install
# and import, that a net goes through every pass of a case on both runtimes, what the machine is taken for, and the tests
# that read what a kernel and a board write. Every other promise is tested natively.
set -euo pipefail
cd /project
export PATH=/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

step() { printf '\n-- %s (%d s)\n' "$*" "$SECONDS"; }

emulated() {  # every case of a run has the verdict 'emulated', and there are cases
    edgebench table "$1" --format json | python -c '
import json, sys
verdicts = [row["verdict"] for row in json.load(sys.stdin)]
print(len(verdicts), "cases:", *sorted(set(verdicts)))
sys.exit(set(verdicts) != {"emulated"})'
}

step "install: $(uname -m), $(python3 --version)"
stamp=$(sha256sum pyproject.toml)
if [ "$(cat /venv/.installed 2>/dev/null)" != "$stamp" ]; then
    rm -rf /venv && python3 -m venv /venv
    pip install -qq --no-compile --editable '.[all]' hypothesis
    echo "$stamp" >/venv/.installed
fi
python -c 'import onnxruntime as o, ai_edge_litert.interpreter, numpy as n; print("onnxruntime", o.__version__, "numpy", n.__version__)'

step "this machine"
edgebench targets detect

step "a Raspberry Pi 5, replayed"
rm -rf /tmp/boards && python -m tests.trees /tmp/boards
board="--host-root /tmp/boards/raspberry-pi-5"
edgebench $board targets detect | grep '^raspberry-pi-5:'
edgebench $board sensors | head -1 | grep '2.764 W'
edgebench $board run quick --profile smoke --images 4 -k "mobilenet_v2-0.35-32|int8-static|litert" --no-report --out runs/arm64-pi5
emulated runs/arm64-pi5

step "one net of the quick suite, tests beside it"
# Left out is a test that a matrix product fails by floating-point flags which qemu sets and no CPU does.
python -m pytest -q -p no:cacheprovider \
    --deselect tests/unit/host/test_roofline.py::test_the_child_prints_what_the_parent_reads \
    tests/unit/host/test_{checks,core_kinds,identity,resource_limits,roofline}.py tests/unit/targets/test_detection.py \
    tests/unit/sensors/test_{board_power,raspberry_firmware}.py tests/unit/sensors/drivers tests/unit/runtimes/test_{sessions,inputs}.py \
    >/tmp/tests.log 2>&1 &
tests=$!
edgebench run quick --profile smoke --images 4 -k "mobilenet_v2-0.35-32|int8-static" --out runs/arm64 "$@"
emulated runs/arm64
test -s runs/arm64/report.html

step "tests: what fails is shown"
wait $tests || { tail -n 100 /tmp/tests.log; exit 1; }
tail -n 1 /tmp/tests.log
step "done"
