#!/bin/sh
# Install, where missing, the programs that the tests start: Debian's clickhouse-server, chromium, and a ZooKeeper for a
# cluster of servers (the library alone, without a service).
set -eu

PATH="$PATH:/usr/sbin:/sbin"
missing=""
command -v clickhouse-server >/dev/null || missing="$missing clickhouse-server"
command -v chromium >/dev/null || missing="$missing chromium"
command -v java >/dev/null || missing="$missing default-jre-headless"
[ -f /usr/share/java/zookeeper.jar ] || missing="$missing libzookeeper-java"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    echo "The tests need$missing. Install as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
command -v apt-get >/dev/null || {
    echo "The tests need$missing; apt-get is not here, so install them with this system's package manager." >&2
    exit 1
}
echo "Installing$missing (Debian packages, for the tests only)"
$as_root apt-get update -qq
# shellcheck disable=SC2086  # a list of words
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
