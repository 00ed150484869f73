#!/bin/sh
# Does what the images' build does, without a container engine, and looks at what came of it:
# `docker/check.sh web|worker|worker-gpu`. Minutes, and up to 8 GB of disk in the end for the last.
set -eu
role=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
environment=$folder/lethe
docker/install.sh "$environment" "$role"
docker/sbom.sh "$environment" "$folder/sbom.cdx.json"
# From elsewhere: the checkout's own packages must not stand in for what is missing.
cp docker/probe.py "$folder"
cd "$folder"
export LETHE_S3_ENDPOINT=http://127.0.0.1:1 LETHE_S3_ACCESS_KEY=nobody LETHE_S3_SECRET_KEY=nothing
run() { "$environment/bin/python" -c "$@"; }
run 'import lethe.cli, storage.settings'
# Nobody is there; it must be able to say so.
[ "$role" = web ] || "$environment/bin/python" probe.py worker cpu 2>said || grep -q '^Redis' said
if [ "$role" = web ]; then
  run 'import importlib.util as found, sys, web.app, web.listener
sys.exit([name for name in ("torch", "onnx", "onnxruntime", "cv2") if found.find_spec(name)] or 0)'
else
  # What Celery imports when a worker starts, and what its child imports before the first ticket.
  run 'import importlib, sys, workers.app
for name in workers.app.app.conf.include: importlib.import_module(name)
import insightface, onnxruntime, sklearn, torch
cuda = torch.version.cuda
print("torch", torch.__version__, "CUDA", cuda)
sys.exit((sys.argv[1] == "worker-gpu") != bool(cuda) and "torch is of the other kind")' "$role"
fi
run 'import importlib.util as found, sys
tools = ("moto", "playwright", "schemathesis", "mypy", "pytest", "hypothesis", "pip")
sys.exit([name for name in tools if found.find_spec(name)] or 0)'
run 'import json, sys
print(len(json.load(open("sbom.cdx.json"))["components"]), "components in the SBOM")'
echo "$role: $(du -sm "$environment" | cut -f1) MiB"
