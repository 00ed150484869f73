#!/bin/sh
# Installs the pinned environment into a virtual environment: `docker/install.sh .venv`.
# `make setup` and the images run this same script. Needs Python 3.11+ and pip, nothing else.
set -eu
venv=$1
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check install --quiet "$@"; }
pip -r requirements.lock
# insightface asks for opencv-python, whose wheel needs an X11 and OpenGL system; the lock
# holds opencv-python-headless, the same module without them, so insightface goes in by itself.
pip --no-deps -r requirements-no-deps.lock
# setuptools warns about any editable installation.
PYTHONWARNINGS=ignore pip --no-deps --no-build-isolation --editable .
