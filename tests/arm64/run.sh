#!/usr/bin/env bash
# The project on arm64, without a board: a Debian userland of that architecture under qemu-user. It proves that the
# aarch64 wheels install and that a case goes through every pass there; its times mean nothing, and every case has to
# say so.
#
#   tests/arm64/run.sh [OPTION...]      (as root; `make test-arm64`; options go to `edgebench run quick`, such as --deep)
#
# The userland is kept in ${XDG_CACHE_HOME:-~/.cache}/edgebench/arm64, so that only the first time takes minutes. Its
# mounts and processes are in namespaces of their own: however it ends, the kernel undoes and ends them.
# ARM64_MIRROR names another Debian mirror than that of this machine's apt sources.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() { echo "test-arm64 skipped: $*"; exit 0; }
step() { printf '\n-- %s (%d s)\n' "$*" "$SECONDS"; }

[ "$(uname -m)" != aarch64 ] || skip "this machine is arm64 itself, run: make test"
[ "$(id -u)" = 0 ] || skip "it mounts and changes root: sudo make test-arm64"
command -v apt-get >/dev/null || skip "it takes qemu-user-static, debootstrap and binfmt-support from apt"
unshare --mount true 2>/dev/null || skip "this root may not mount (a container without CAP_SYS_ADMIN)"
[ "${1:-}" = --unshared ] || exec unshare --mount --propagation private --pid --fork --kill-child \
    tests/arm64/run.sh --unshared "$@"
shift

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/edgebench/arm64
root=$cache/$suite
binfmt=/proc/sys/fs/binfmt_misc

host_packages() {
    { command -v debootstrap && command -v update-binfmts && command -v qemu-aarch64-static; } >/dev/null && return
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        qemu-user-static debootstrap binfmt-support; } >/dev/null 2>&1
}

# The first apt source of this machine's own Debian release.
mirror() {
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v suite="$suite" '$1 == suite && $2 == "main" { print $3; exit }'
}

register_qemu() {
    [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt
    [ -e $binfmt/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64
    [ -e $binfmt/qemu-aarch64 ]
}

# Built beside its place and then renamed: a build that was stopped is never taken for a userland.
build_userland() {
    local from=${ARM64_MIRROR:-$(mirror)} part=$root.part
    [ -n "$from" ] || skip "the apt sources of this machine name no Debian release: set ARM64_MIRROR"
    rm -rf "$part"
    debootstrap --arch=arm64 --foreign --variant=minbase --include=python3,python3-venv \
        "$suite" "$part" "$from" >"$cache/debootstrap.log" || skip "$from gives no arm64 packages of $suite"
    cp "$(command -v qemu-aarch64-static)" "$part/usr/bin/"
    chroot "$part" /debootstrap/debootstrap --second-stage >>"$cache/debootstrap.log"
    mv "$part" "$root"
}

# What the userland has of this machine: names, certificates, pip's settings, /proc, and of /sys nothing but the lists of
# CPUs: without those the runtimes know no CPU and leave their Arm kernels off.
lend() {
    local file
    for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
        [ ! -e "$file" ] || install -D --mode=644 "$file" "$root$file"
    done
    mkdir -p "$root/sys/devices/system/cpu"
    for file in possible present; do cat "/sys/devices/system/cpu/$file" >"$root/sys/devices/system/cpu/$file"; done
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/dev/shm"
}

copy_project() {
    rm -rf "$root/project" && mkdir "$root/project"
    tar --exclude=__pycache__ --exclude=node_modules --create \
        edgebench harness reports suites targets tests docs pyproject.toml hatch_build.py mkdocs.yml README.md LICENSE CHANGELOG.md Makefile |
        tar --extract --directory "$root/project" --no-same-owner
}

# Nothing else of this machine's environment gets in.
kept_environment() { env | grep -E '^(PIP_[A-Z_]+|SSL_CERT_[A-Z]+|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)=' || true; }

step "packages"
host_packages || skip "apt-get install qemu-user-static debootstrap binfmt-support does not work here"
register_qemu || skip "the kernel takes no interpreter for arm64 programs (binfmt_misc)"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9  # one at a time
step "userland in $root"
[ -d "$root" ] || build_userland
lend
copy_project
step "inside"
mapfile -t kept < <(kept_environment)
exec chroot "$root" /usr/bin/env -i "${kept[@]}" HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    /bin/bash /project/tests/arm64/inside.sh "$@"
