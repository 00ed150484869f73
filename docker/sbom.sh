#!/bin/sh
# Lists what an environment holds, as CycloneDX: `docker/sbom.sh ENVIRONMENT FILE.cdx.json`.
# The tool is pinned by requirements.lock and stays outside of the environment.
set -eu
environment=$1
file=$2
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
"${PYTHON:-python3}" -m venv "$tool"
"$tool/bin/python" -m pip --disable-pip-version-check install --quiet \
  --constraint requirements.lock cyclonedx-bom
"$tool/bin/cyclonedx-py" environment --pyproject pyproject.toml --mc-type application \
  --spec-version 1.6 --output-format JSON --output-reproducible --output-file "$file" \
  "$environment"
