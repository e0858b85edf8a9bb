#!/bin/sh
# Releases with rollway: check → plan → apply → gate → promote, or roll back.
#
#   IMAGE=ghcr.io/acme/shop:1.4.1 CONTEXT=prod GATE='./smoke-test' ./release.sh [--set KEY=VALUE]…
#
# FILE STRATEGY IMAGE NAMESPACE CONTEXT TO TIMEOUT   the flags of `deploy` with these names; unset: its defaults
# GATE   a command that is run at every pause: 0 promotes to the next one, anything else rolls back
# AUTO   not empty: through every pause without a gate
# Without GATE and AUTO the release stays at its first pause.
#
# Exits as deploy does: 0 done, 1 rolled back, 2 bad usage, 3 another run is at it, 4 no cluster, 5 timed out and rolled back.
set -eu

in_file() { verb=$1; shift; deploy "$verb" -f "${FILE:-deploy.yaml}" ${NAMESPACE:+-n "$NAMESPACE"} "$@"; }
in_cluster() { in_file "$@" ${CONTEXT:+--context "$CONTEXT"}; }
field() { python3 -c 'import json, sys; document = json.load(sys.stdin); print(*(document[key] for key in sys.argv[1:]))' "$@"; }
standing() {
  in_cluster status -o json >"$saved/status.json" || { code=$?; cat "$saved/status.json" >&2; return "$code"; }
  field revision phase weight <"$saved/status.json"
}
say() { echo "release: $*" >&2; }

# Takes back this run's own revision, and only while it is under way: never what somebody else has released since.
back() {
  now=$(standing)
  case $now in
    "$revision Paused "* | "$revision Progressing "*)
      in_cluster rollback && in_cluster wait --for rolled-back --timeout 1m ;;
    *) say "revision $revision is no longer under way: nothing is taken back" ;;
  esac
}

set -- ${STRATEGY:+"$STRATEGY"} ${IMAGE:+--image "$IMAGE"} "$@"
in_file check "$@"

saved=$(mktemp -d)  # readable by this user alone: a saved plan holds the manifests, Secrets too
trap 'rm -rf "$saved"' EXIT
set -- "$@" ${TO:+--to "$TO"}
in_cluster plan "$@" --out "$saved/plan.json"
revision=$(field revision <"$saved/plan.json")

code=0
if [ -n "${AUTO:-}" ]; then
  in_cluster apply "$@" --auto ${TIMEOUT:+--timeout "$TIMEOUT"} || code=$?
else
  in_cluster apply "$saved/plan.json" ${TIMEOUT:+--timeout "$TIMEOUT"} || code=$?
fi

while [ "$code" -eq 0 ]; do
  was=$(standing)
  case $was in
    "$revision Promoted "*) in_cluster wait --for promoted; exit 0 ;;
    "$revision Paused "*) ;;
    *) say "another run has released since: $was"; exit 3 ;;
  esac
  [ -n "${GATE:-}" ] || { say "paused; go on with: deploy promote, or: deploy rollback"; exit 0; }
  if ! sh -c "$GATE"; then
    say "the gate is closed"
    back
    exit 1
  fi
  [ "$(standing)" = "$was" ] || { say "another run has acted while the gate was asked"; exit 3; }
  in_cluster promote ${TIMEOUT:+--timeout "$TIMEOUT"} || code=$?
done

# 1: deploy has rolled back itself. 3: somebody else is at it. 5: nobody watches a pipeline, so it is not left half-way.
[ "$code" -ne 5 ] || back
exit "$code"
