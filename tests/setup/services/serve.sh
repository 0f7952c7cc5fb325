#!/bin/sh
# serve NAME: runs one server, open to the container's network, with the variables of its official image.
# shellcheck disable=SC2154 # the container's environment has MARIADB_PASSWORD where it has MARIADB_USER
set -eu

# Not echo, which resolves backslashes.
say() { printf '%s\n' "$*"; }
# literal TEXT: as a string of SQL
literal() { printf "'%s'" "$(printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"; }
# identifier TEXT: as a name of SQL
identifier() { printf '\140%s\140' "$(printf %s "$1" | sed -e 's/\x60/&&/g')"; }

case ${1-} in
    mariadb)
        script=$(mktemp)
        {
            if [ -n "${MARIADB_ROOT_PASSWORD-}" ]; then
                say "CREATE OR REPLACE USER 'root'@'%' IDENTIFIED BY $(literal "$MARIADB_ROOT_PASSWORD");"
                say "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
            fi
            if [ -n "${MARIADB_DATABASE-}" ]; then
                say "CREATE DATABASE IF NOT EXISTS $(identifier "$MARIADB_DATABASE");"
            fi
            if [ -n "${MARIADB_USER-}" ]; then
                user="$(literal "$MARIADB_USER")@'%'"
                say "CREATE OR REPLACE USER $user IDENTIFIED BY $(literal "$MARIADB_PASSWORD");"
                say "GRANT ALL ON $(identifier "${MARIADB_DATABASE:-test}").* TO $user;"
            fi
        } >"$script"
        chown mysql: "$script"
        mkdir -p /run/mysqld
        chown mysql: /run/mysqld
        exec mariadbd --user=mysql --bind-address=0.0.0.0 --skip-name-resolve --init-file="$script" \
            --innodb-use-native-aio=0 --innodb-flush-log-at-trx-commit=0
        ;;
    memcached) exec memcached -u memcache -l 0.0.0.0 ;;
    rabbitmq)
        # The server reads RABBITMQ_DEFAULT_USER and its like by itself. One scheduler starts faster than many.
        export RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+S 1:1 +sbwt none'
        exec rabbitmq-server
        ;;
    mosquitto)
        printf 'listener 1883\nallow_anonymous true\n' >/run/mosquitto.conf
        exec mosquitto -c /run/mosquitto.conf
        ;;
    etcd)
        exec etcd --data-dir /run/etcd --listen-client-urls http://0.0.0.0:2379 \
            --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
        ;;
    nginx) exec nginx -g 'daemon off;' ;;
    *) exec "$@" ;;
esac
