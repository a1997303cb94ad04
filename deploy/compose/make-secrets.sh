#!/bin/sh
# Creates the secrets of compose.yaml, and .env with the user that may read them. Existing files are kept.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
make() { [ -e "secrets/$1" ] || printf '%s\n' "$2" > "secrets/$1"; }
make master-key "$(openssl rand -base64 32)"
make database-password "$(openssl rand -hex 24)"
make metrics-token "$(openssl rand -hex 24)"
make database-url "postgres://tessera:$(cat secrets/database-password)@database/tessera"
chmod 400 secrets/*
# Compose mounts files with their owner and mode, so the server runs as their owner. Root's files go to the image's user.
user=$(id -u):$(id -g)
if [ "$user" = 0:0 ]; then
  user=10001:10001
  chown "$user" secrets secrets/*
fi
[ -e .env ] || printf 'TESSERA_USER=%s\n' "$user" > .env
