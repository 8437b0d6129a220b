#!/usr/bin/env bash
# Runs every test: unit, in-process RPC, both databases, whole system. Installs what is missing (Debian and a Rust
# toolchain are enough), starts a PostgreSQL of its own on a free loopback port, and takes it down again.
#
#   tests/run.sh                     everything
#   tests/run.sh -p passgate-token   what cargo-nextest's own arguments choose
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/tools.sh

need_rust
need_debian cc gcc libc6-dev
need_debian python3 python3
need_debian unzip unzip
need_debian sqlite3 sqlite3
need_debian curl curl
need_debian jq jq
need_debian ip iproute2
need_pip
need_postgres
need_tool grpcurl
need_tool cargo-nextest

work="$(mktemp -d)"
trap stop_postgres EXIT
start_postgres "$work"
PASSGATE_TEST_POSTGRES="$(postgres_url)"
PASSGATE_TEST_GRPCURL="$tools/grpcurl"
export PASSGATE_TEST_POSTGRES PASSGATE_TEST_GRPCURL

say "building the program and its tests"
cargo build --locked --workspace --all-targets
if [ "$#" -eq 0 ]; then
    say "documentation examples"
    cargo test --locked --workspace --doc --quiet
    set -- --workspace
fi
say "tests"
cargo nextest run --locked --no-fail-fast "$@"
