#!/bin/sh
# Entrypoint of the stand-in for the official Redis image: options alone mean redis-server, as its own user, open to
# the container's network.
set -eu

case ${1-} in -* | *.conf) set -- redis-server "$@" ;; esac
[ "${1-}" = redis-server ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    chown -R redis: .
    exec setpriv --reuid=redis --regid=redis --init-groups -- "$0" "$@"
fi

# The official image is built with protected mode off. Debian's is not, and would refuse all but loopback. The
# file's name, if any, has to stay first; options after it win.
shift
case ${1-} in
    -v | --version | -h | --help | --test-memory | --check-system) ;;
    '' | -*) set -- --protected-mode no "$@" ;;
    *)
        file=$1
        shift
        set -- "$file" --protected-mode no "$@"
        ;;
esac
exec redis-server "$@"
