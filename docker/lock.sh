#!/bin/sh
# Pins what pyproject.toml asks for: `docker/lock.sh .venv` adds what is new and leaves every pin
# as it is, `docker/lock.sh .venv --upgrade` (that is `make lock`) takes the newest of all.
set -eu
venv=$1
shift
compile() {
  "$venv/bin/pip-compile" --quiet --strip-extras --allow-unsafe --no-header \
    --no-emit-find-links --no-emit-index-url --no-emit-trusted-host --no-emit-options \
    --no-annotate "$@"
}
# A CPU build's local version (+cpu) must not be pinned. insightface asks for opencv-python, which
# the environment must not have beside opencv-python-headless: see install.sh.
settle() { sed -i -e 's/^\(torch==[0-9.]*\)+.*/\1/' -e '/^opencv-python==/d' "$@"; }

# Everything, for development. insightface is among it while the pins are found.
cat requirements-no-deps.lock >>requirements.lock
compile --all-extras --output-file requirements.lock "$@" pyproject.toml
settle requirements.lock
# What images install is a part of it, so that it is what the tests ran with.
for role in web worker; do
  extras=tracing
  [ $role = web ] || extras=tracing,worker
  rm -f requirements-$role.lock
  compile --constraint requirements.lock --extra "$extras" \
    --output-file requirements-$role.lock pyproject.toml
done
settle requirements-web.lock requirements-worker.lock
grep '^insightface==' requirements.lock >requirements-no-deps.lock
sed -i '/^insightface==/d' requirements.lock requirements-worker.lock

# What PyPI's torch brings along for the GPU, in which torch itself leaves some versions open. Of no
# CPU build that this machine may be told of.
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
grep '^torch==' requirements.lock >"$found/torch.in"
PIP_CONFIG_FILE=/dev/null PIP_EXTRA_INDEX_URL='' PIP_FIND_LINKS='' \
  compile --constraint requirements.lock --output-file "$found/all.lock" "$found/torch.in"
grep -vxF -f requirements-worker.lock "$found/all.lock" |
  grep -v -e '^#' -e '^$' >requirements-cuda.lock
