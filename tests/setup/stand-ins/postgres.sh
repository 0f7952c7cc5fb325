#!/bin/sh
# Entrypoint of the stand-in for the official PostgreSQL image: the same variables, files and order of events, as far
# as its users can tell. Like there, the server of the initialization listens on the Unix socket only.
# shellcheck disable=SC2154 # read_variable and the image's ENV assign them
set -eu

fail() {
    echo "postgres stand-in: error: $1" >&2
    exit 1
}

# read_variable NAME DEFAULT: from NAME, else from the file that NAME_FILE names, else the default
read_variable() {
    eval "value=\${$1-} file=\${$1_FILE-}"
    if [ -n "$value" ] && [ -n "$file" ]; then
        fail "both $1 and $1_FILE are set"
    fi
    [ -z "$file" ] || value=$(cat "$file")
    export "$1=${value:-$2}"
    unset "$1_FILE"
}

[ "${1#-}" = "${1-}" ] || set -- postgres "$@"
[ "${1-}" = postgres ] || exec "$@"
for argument; do
    case $argument in -V | --version | -\? | --help | --describe-config | -C) exec "$@" ;; esac
done

# As root, so that a secret may belong to root.
read_variable POSTGRES_PASSWORD ''
read_variable POSTGRES_USER postgres
read_variable POSTGRES_DB "$POSTGRES_USER"
read_variable POSTGRES_INITDB_ARGS ''

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R postgres: "$PGDATA"
    chown postgres: /var/run/postgresql
    chmod 700 "$PGDATA"
    chmod 3777 /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

# Runs in the background, because a shell that waits for a child in the foreground does not hear signals; through
# descriptor 3, because what runs in the background finds /dev/null as 0.
child=''
run() {
    { "$@" <&3 3<&- & } 3<&0
    child=$!
    wait "$child"
}
server=''
give_up() {
    trap '' INT TERM
    for pid in $child $server; do
        kill -INT "$pid" 2>/dev/null || true
    done
    wait
    # Half a cluster would be taken for a whole one by the next start.
    find "$PGDATA" -mindepth 1 -delete
    exit 130
}

# sql DATABASE ARGUMENT…
sql() {
    database=$1
    shift
    run psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$database" "$@"
}

initialize() {
    if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD-}" != trust ]; then
        fail 'the database needs a password: set POSTGRES_PASSWORD (or POSTGRES_HOST_AUTH_METHOD=trust)'
    fi
    trap give_up INT TERM

    # The password goes through a file: an argument is visible to others, and no character in it needs quoting.
    password_file=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password_file"
    [ -z "$POSTGRES_PASSWORD" ] || set -- "--pwfile=$password_file" "$@"
    # shellcheck disable=SC2086 # several arguments in one variable, by the official image's definition
    run initdb --no-sync --auth-local=trust --auth-host="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" \
        --encoding=UTF8 --username="$POSTGRES_USER" "$@" $POSTGRES_INITDB_ARGS
    rm -f "$password_file"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

run_scripts() {
    if [ "$POSTGRES_DB" != postgres ]; then
        # psql quotes the name.
        sql postgres -v name="$POSTGRES_DB" <<'SQL'
CREATE DATABASE :"name";
SQL
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sh)
                echo "running $script" >&2
                if [ -x "$script" ]; then run "$script"; else run bash -e "$script"; fi
                ;;
            *.sql)
                echo "running $script" >&2
                sql "$POSTGRES_DB" -f "$script"
                ;;
            *.sql.gz)
                echo "running $script" >&2
                unpacked=$(mktemp)
                gunzip -c "$script" >"$unpacked"
                sql "$POSTGRES_DB" -f "$unpacked"
                rm -f "$unpacked"
                ;;
        esac
    done
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initialize
    "$@" -c listen_addresses= -p 5432 &
    server=$!
    until pg_isready --quiet --username="$POSTGRES_USER"; do
        kill -0 "$server" 2>/dev/null || fail 'the server ended during initialization'
        sleep 0.05
    done
    PGPASSWORD=$POSTGRES_PASSWORD
    export PGPASSWORD
    run_scripts
    unset PGPASSWORD
    kill -INT "$server"
    wait "$server" || fail 'the server did not stop after initialization'
    trap - INT TERM
fi
exec "$@"
