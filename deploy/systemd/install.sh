#!/bin/sh
# Installs or upgrades Tessera on a machine with systemd, from the packages that `npm pack` creates:
#   sh install.sh VERSION FOLDER
# FOLDER contains tessera-protocol-VERSION.tgz, tessera-server-VERSION.tgz, and package-lock.json if it should decide
# the versions of dependencies. Does not start or restart anything. With DESTDIR, everything is created below it.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 VERSION FOLDER" >&2; exit 2; }
version=$1
packages=$(cd "$2" && pwd)
units=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
release=/opt/tessera/$version

# Each version has a folder. /usr/bin/tessera leads to the current one, so going back is one link.
mkdir -p "$root$release" "$root/usr/bin"
cd "$root$release"
[ -e package.json ] || echo '{ "private": true }' > package.json
[ ! -e "$packages/package-lock.json" ] || cp "$packages/package-lock.json" .
npm install --omit=dev --ignore-scripts --no-audit --no-fund \
  "$packages/tessera-protocol-$version.tgz" "$packages/tessera-server-$version.tgz"
"$root$release/node_modules/.bin/tessera" --version
link() { ln -sfn "$1" "$2.new" && mv -Tf "$2.new" "$2"; }
link "$version" "$root/opt/tessera/current"
link /opt/tessera/current/node_modules/.bin/tessera "$root/usr/bin/tessera"

install -D -m 644 "$units/tessera.service" "$root/etc/systemd/system/tessera.service"
install -D -m 644 "$units/tessera.sysusers.conf" "$root/usr/lib/sysusers.d/tessera.conf"
install -D -m 644 "$units/tessera.tmpfiles.conf" "$root/usr/lib/tmpfiles.d/tessera.conf"
if [ -z "$root" ]; then
  systemd-sysusers tessera.conf
  systemd-tmpfiles --create tessera.conf
  systemctl daemon-reload
fi
# Never replaced: another key can't read the store.
key=$root/etc/tessera/credentials/master-key
if [ ! -e "$key" ]; then
  mkdir -p "$(dirname "$key")"
  (umask 377 && openssl rand -base64 32 > "$key")
  echo "created $key: keep a copy apart from the backups of the database"
fi
