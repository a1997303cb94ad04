#!/bin/sh
# The operator's drill: installs Tessera below FOLDER, serves it behind a TLS proxy with PostgreSQL and two workers, and
# does what operators must be able to do. Stops at the first step without the expected result. npm test runs it.
#
#   sh drill.sh FOLDER VERSION PACKAGES NEXT_VERSION NEXT_PACKAGES
#
# FOLDER is created. PACKAGES and NEXT_PACKAGES contain what `npm pack` created (see ../systemd/install.sh).
# Variables:
#   ISSUER      the https URL of a proxy that sends its requests to 127.0.0.1:PORT (see ../proxies)
#   PORT        a free port
#   DATABASE    the address of an empty PostgreSQL database
#   SPARE       the address of another one, for the restore
#   ACCEPTED    ids of items that `tessera doctor` may report as failed, separated by spaces
# CURL_CA_BUNDLE and NODE_EXTRA_CA_CERTS name the certificate authority of the proxy if this machine does not trust it.
set -eu
umask 077
[ $# -eq 5 ] || { echo "usage: $0 FOLDER VERSION PACKAGES NEXT_VERSION NEXT_PACKAGES" >&2; exit 2; }
: "${ISSUER:?}" "${PORT:?}" "${DATABASE:?}" "${SPARE:?}"
installer=$(cd "$(dirname "$0")/../systemd" && pwd)/install.sh
version=$2 packages=$(cd "$3" && pwd)
next=$4 next_packages=$(cd "$5" && pwd)
mkdir "$1"
cd "$1"
root=$PWD/root

server=
step='preparation'
end() {
  code=$?
  [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
  [ "$code" -eq 0 ] || echo "failed: $step (see $PWD)" >&2
}
trap end EXIT
step() { step=$1; echo "$step"; }
fail() { echo "$*" >&2; exit 1; }
# Waits up to a minute until a command succeeds.
await() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "waited for: $*"
    sleep 0.2
  done
}
# Returns whether the audit log contains these commands. Records wait for half a minute in the restored store if the server
# was appending them during the export.
is_recorded() {
  tessera audit export --config tessera.yaml > audit.ndjson
  for command; do
    grep -q "\"command\":\"$command\",\"options\"" audit.ndjson || return 1
  done
}
# Prints a member of the JSON object on standard input.
member() { node -e 'const { [process.argv[1]]: value = "" } = JSON.parse(require("fs").readFileSync(0, "utf8")); console.log(value)' "$1"; }

install_version() { DESTDIR=$root sh "$installer" "$1" "$2" > install.log 2>&1 || { cat install.log >&2; return 1; }; }
tessera() { "$root/opt/tessera/current/node_modules/.bin/tessera" "$@"; }
serve() {
  # Otherwise the line of the server before could be found.
  rm -f server.out
  "$root/opt/tessera/current/node_modules/.bin/tessera" serve --config tessera.yaml --port "$PORT" --workers "$1" \
    > server.out 2>> server.log &
  server=$!
  await is_listening
}
is_listening() {
  kill -0 "$server" 2>/dev/null || { cat server.log >&2; fail 'the server ended'; }
  grep -qs 'listening on' server.out
}
stop() { kill -TERM "$server"; wait "$server" || fail "the server ended with $?"; server=; }

# Requests go through the proxy. Secrets are read from files, so that no other user sees them in the list of processes.
ask() { curl --silent --show-error --max-time 30 --output answer.json --dump-header headers.txt "$@"; }
token() {
  secret=$1
  shift
  ask --data client_id=shop --data-urlencode "client_secret@$secret" "$@" "$ISSUER/connect/token"
}
sign_in() {
  token "$1" --data grant_type=password --data username=dora --data-urlencode password@password \
    --data scope='openid offline_access'
}
refresh() { token shop-secret --data grant_type=refresh_token --data-urlencode "refresh_token@$1"; }
expect() { [ "$(member "$1" < answer.json)" = "$2" ] || { cat answer.json >&2; fail "expected $1 $2"; }; }
expect_tokens() { [ -n "$(member access_token < answer.json)" ] || { cat answer.json >&2; fail 'expected tokens'; }; }
request_id() { tr -d '\r' < headers.txt | sed -n 's/^[Xx]-[Rr]equest-[Ii]d: //p'; }
count_keys() {
  ask "$ISSUER/.well-known/openid-configuration/jwks"
  node -p 'JSON.parse(require("fs").readFileSync("answer.json", "utf8")).keys.length'
}
has_more_keys() { [ "$(count_keys)" -gt "$1" ]; }
logged() { [ "$(grep -c "$1" server.log)" -ge "$2" ]; }

# Sets `open` to an item of the checklist that failed and is not accepted.
check_list() {
  tessera doctor --url "$ISSUER" --config tessera.yaml > doctor.txt 2> doctor.err || true
  open=nothing
  grep -q '^ok ' doctor.txt || open='every one'
  for id in $(sed -n 's/^failed  *\([^ ]*\).*/\1/p' doctor.txt); do
    case " ${ACCEPTED:-} " in *" $id "*) ;; *) open=$id ;; esac
  done
  [ "$open" = nothing ]
}

write_configuration() {
  cat > tessera.yaml <<END
issuer: $ISSUER
storage: { file: $1 }
trusted_proxies: [127.0.0.1]
accounts: {}
mail: { from: login@example.com, smtp: { host: 127.0.0.1, port: 2525 } }
metrics: { tokens: [{ value: { file: metrics-token } }] }
api_scopes: [{ name: api1 }]
clients:
  - client_id: shop
    client_secrets: [{ value: { file: shop-secret } }]
    grant_types: [password, refresh_token]
    scope: openid api1 offline_access
END
}

step 'install'
install_version "$version" "$packages"
TESSERA_MASTER_KEY_FILE=$root/etc/tessera/credentials/master-key
TESSERA_LOG_LEVEL=info
export TESSERA_MASTER_KEY_FILE TESSERA_LOG_LEVEL
[ "$(ls -l "$TESSERA_MASTER_KEY_FILE" | cut -c 1-10)" = '-r--------' ] || fail 'others can read the master key'

step 'configure PostgreSQL'
printf %s "$DATABASE" > database
printf %s "$SPARE" > spare
for name in shop-secret metrics-token password; do openssl rand -hex 24 | tr -d '\n' > "$name"; done
write_configuration database
tessera config check tessera.yaml > check.txt
tessera users add --config tessera.yaml --username dora --sub dora < password > users.txt

step 'serve with two workers'
serve 2

step 'TLS proxy'
sign_in shop-secret
expect_tokens
member refresh_token < answer.json | tr -d '\n' > first-token
[ "$(curl --silent --max-time 30 --output page.html --write-out '%{http_code}' "$ISSUER/metrics")" = 404 ] ||
  fail 'the proxy does not refuse /metrics'
# A busy machine may answer late, so it may try again.
check_list || check_list || check_list || { cat doctor.txt >&2; fail "the checklist has an open item: $open"; }

step 'rotate a secret'
cp shop-secret old-secret
openssl rand -hex 24 | tr -d '\n' > shop-secret
kill -HUP "$server"
await logged '"event":"configuration_applied"' 2
sign_in shop-secret
expect_tokens

step 'explain a refusal'
sign_in old-secret
expect error invalid_client
id=$(request_id)
await logged "\"request_id\":\"$id\"" 1
tessera explain "$id" server.log > explained.txt
grep -q 'authenticate: invalid_client, client_secret_wrong' explained.txt
grep -q 'section: RFC 6749' explained.txt
for name in old-secret shop-secret password; do
  ! grep -q -f "$name" explained.txt server.log || fail "the log contains $name"
done

step 'rotate the signing keys'
before=$(count_keys)
tessera keys rotate --config tessera.yaml --now > keys.txt
await has_more_keys "$before"

step 'revoke a user'
tessera users revoke --config tessera.yaml --user dora > revoked.txt
refresh first-token
expect error invalid_grant
await logged '"reason":"authorization_revoked"' 1
sign_in shop-secret
expect_tokens
member refresh_token < answer.json | tr -d '\n' > second-token

step 'back up'
tessera export --config tessera.yaml --to backup.jsonl > backup.txt
stop

step 'upgrade'
install_version "$next" "$next_packages"
[ "$(readlink "$root/opt/tessera/current")" = "$next" ] || fail 'the link does not lead to the next version'

step 'restore'
write_configuration spare
tessera migrate --config tessera.yaml > migrate.txt
tessera import --config tessera.yaml --from backup.jsonl > import.txt
serve 1
refresh second-token
expect_tokens
refresh first-token
expect error invalid_grant
has_more_keys "$before" || fail 'the signing keys were not restored'

step 'verify the audit log'
tessera audit verify --config tessera.yaml > audit.txt
grep -q '^verified ' audit.txt
await is_recorded 'keys rotate' 'users revoke' export import
stop

echo 'the drill is complete'
