#!/bin/sh
# Installs the pinned environment into a virtual environment: `docker/install.sh .venv`.
# `make setup` and the images run this same script; images name their role, `web`, `worker` or
# `worker-gpu`, and get what it needs and nothing to test, build or install with.
# Needs Python 3.11+ with venv and pip, nothing else.
set -eu
venv=$1
role=${2:-dev}
case $role in
  dev) locks='-r requirements.lock' ;;
  web | worker) locks="-r requirements-$role.lock" ;;
  worker-gpu) locks='-r requirements-worker.lock -r requirements-cuda.lock' ;;
  *)
    echo "docker/install.sh: $role is no role: give web, worker, worker-gpu, or none at all" >&2
    exit 2
    ;;
esac
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check install --quiet "$@"; }
# What installs is pinned, too; pip's own copy may be years old.
[ "$role" = dev ] || pip --constraint requirements.lock pip setuptools
# shellcheck disable=SC2086 # each is a word of its own
pip $locks
# insightface asks for opencv-python, whose wheel needs an X11 and OpenGL system; the lock
# holds opencv-python-headless, the same module without them, so insightface goes in by itself.
[ "$role" = web ] || pip --no-deps -r requirements-no-deps.lock
if [ "$role" = dev ]; then
  # setuptools warns about any editable installation.
  PYTHONWARNINGS=ignore pip --no-deps --no-build-isolation --editable .
  exit
fi
# From a copy: setuptools leaves build/ behind, and takes up again what lies there.
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
cp -R pyproject.toml README.md lethe web storage workers "$source"
pip --no-deps --no-build-isolation "$source"
gone=pip
[ "$role" != web ] || gone='pip setuptools' # which torch asks for
# shellcheck disable=SC2086 # each is a word of its own
"$venv/bin/python" -m pip uninstall --yes --quiet $gone
# A fifth of the worker's environment: libraries' own tests, and torch's C++ headers and test programs.
find "$venv/lib" -type d \( -name test -o -name tests -o -path '*/torch/include' \) \
  -not -path '*.dist-info/*' -prune -exec rm -rf {} +
find "$venv/lib" -type f -path '*/torch/bin/*' \( -name '*test*' -o -name '*Test' \) -delete
