#!/bin/sh
# shellcheck disable=SC2086
# Installs, upgrades, takes back and removes the gateway on a Debian or Raspberry Pi OS with systemd.
set -eu
umask 022

BASE=/opt/sereno
ETC=/etc/sereno
STATE=/var/lib/sereno-gateway
UNITS=/etc/systemd/system
LINK=/usr/local/bin/sereno-gateway
OWNER=sereno-gateway
SERVICE=sereno-gateway.service
BROKER=sereno-local-broker.service
REBOOT=sereno-gateway-reboot
# Unit files; names without spaces, taken apart where it stands without quotes.
FILES="$SERVICE $BROKER $REBOOT.path $REBOOT.service"

help() {
  cat <<'END'
install.sh: puts the Sereno gateway on this machine, as a service of systemd.

  install.sh install --keys G000001 --central HOST    the first time
  install.sh install                                  again: an upgrade to the wheel beside this script
  install.sh rollback                                 back to the version before
  install.sh remove                                   takes it off; keys, settings and what waits for central stay
  install.sh remove --purge                           takes those off too

options
  --keys DIR      the folder that `sereno-central enroll gateway` made; its files are copied, for root alone
  --central HOST  host of central's broker, for settings that are new
  --from DIR      folder of the wheel (default: this script's). One that holds other wheels too is taken as complete,
                  and no network is needed: scripts/gateway_wheel.py --offline makes it
  --python PATH   the Python to use (default: python3; 3.11 or newer, with venv)
  --settle N      seconds that a new version must run without ending to be kept (default: 10)
  --dry-run       only say what would be done

An upgrade keeps the version before. When the new one does not become ready, or ends again, the one before is started.
Where things are: /opt/sereno/<version>, current and previous; /etc/sereno; /var/lib/sereno-gateway.
Exit codes: 0 done, 1 it could not be done (what runs is said), 2 called in a wrong way.
END
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
misuse() { printf 'install.sh: %s; install.sh --help tells more\n' "$*" >&2; exit 2; }
act() { if [ "$dry" = yes ]; then say "would: $*"; else "$@"; fi; }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
verb='' keys='' central='' from=$here python=python3 settle=10 dry=no purge=no
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help; exit 0 ;;
    --dry-run) dry=yes ;;
    --purge) purge=yes ;;
    --keys | --central | --from | --python | --settle)
      [ $# -ge 2 ] || misuse "$1 needs a value"
      case $1 in
        --keys) keys=$2 ;; --central) central=$2 ;; --from) from=$2 ;; --python) python=$2 ;; --settle) settle=$2 ;;
      esac
      shift ;;
    install | rollback | remove) [ -z "$verb" ] || misuse "one of install, rollback, remove"; verb=$1 ;;
    *) misuse "$1 is not known" ;;
  esac
  shift
done
[ -n "$verb" ] || { help; exit 2; }
case $settle in '' | *[!0-9]*) misuse "--settle takes whole seconds" ;; esac
case $central in *[!A-Za-z0-9.:-]*) misuse "--central takes the name or address of a host" ;; esac

pointed() { readlink "$BASE/$1" 2>/dev/null || true; }

# A name that points to a version changes at once, or, when the power goes, not at all.
point() { act ln -sfn "$2" "$BASE/$1.new"; act mv -T "$BASE/$1.new" "$BASE/$1"; act sync; }

the_machine() {
  if [ "$dry" = no ]; then
    [ "$(id -u)" = 0 ] || fail "root is needed; call it with sudo"
    exec 9>/run/sereno-install.lock
    flock -n 9 || fail "another install.sh is at work; wait for it"
  fi
  [ -d /run/systemd/system ] || [ "$dry" = yes ] || fail "this machine does not run systemd, which the service needs"
}

the_tools() {
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$python is not Python 3.11 or newer; install it, or name one with --python"
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python cannot make environments; run: apt-get install python3-venv"
  [ -x /usr/sbin/mosquitto ] || fail "mosquitto is not there; run: apt-get install mosquitto"
}

the_wheel() {
  # shellcheck disable=SC2012 # names of wheels have no spaces
  wheel=$(ls "$from"/sereno_gateway-*.whl 2>/dev/null | sort -V | tail -n 1)
  [ -n "$wheel" ] || fail "no sereno_gateway-<version>-py3-none-any.whl in $from; scripts/gateway_wheel.py makes it"
  version=${wheel##*/sereno_gateway-}
  version=${version%%-*}
  digest=$(sha256sum <"$wheel" | cut -d ' ' -f 1)
  index=''
  [ "$(find "$from" -maxdepth 1 -name '*.whl' | wc -l)" -le 1 ] || index=--no-index
}

the_user() {
  id -u "$OWNER" >/dev/null 2>&1 ||
    act useradd --system --user-group --no-create-home --home-dir "$STATE" --shell /usr/sbin/nologin "$OWNER"
  for group in dialout gpio; do
    if getent group "$group" >/dev/null; then act usermod -aG "$group" "$OWNER"; fi
  done
  act install -d -o "$OWNER" -g "$OWNER" -m 700 "$STATE"
}

the_program() {
  place=$BASE/$version
  if [ -f "$place/.complete" ]; then
    [ "$(cat "$place/.complete")" = "$digest" ] ||
      fail "version $version is installed and this wheel is another one; give it a version of its own"
    say "version $version is there already."
    return
  fi
  say "installing version $version in $place."
  act rm -rf "$place"
  act install -d -m 755 "$BASE"
  act "$python" -m venv "$place"
  act "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir $index \
    --find-links "$from" "$wheel" || fail "pip could not install it (its words are above); nothing else was changed"
  act install -d -m 755 "$place/share"
  for file in install.sh acl mosquitto.conf gateway.toml $FILES; do
    mode=644
    [ "$file" != install.sh ] || mode=755
    act install -m "$mode" "$here/$file" "$place/share/$file"
  done
  act sync
  [ "$dry" = yes ] || printf '%s\n' "$digest" >"$place/.complete"
}

the_keys() {
  own=$ETC/gateway
  act install -d -m 755 "$ETC"
  act install -d -m 700 "$own" "$own/centers"
  act install -d -m 750 -g mosquitto "$ETC/local-broker"
  if [ -n "$keys" ]; then
    [ -f "$keys/keys.json" ] || fail "$keys has no keys.json; it must be the folder that enrolment made"
    for file in keys.json key.pem cert.pem ca.pem; do act install -m 600 "$keys/$file" "$own/$file"; done
    for file in "$keys"/centers/C*.json; do
      if [ -f "$file" ]; then act install -m 600 "$file" "$own/centers/${file##*/}"; fi
    done
    for file in broker-ca.pem broker-cert.pem broker-key.pem; do
      act install -m 640 -g mosquitto "$keys/$file" "$ETC/local-broker/$file"
    done
  fi
  # systemd hands it over whether there is one or not.
  if [ ! -f "$own/pin" ]; then act install -m 600 /dev/null "$own/pin"; fi
  [ -f "$own/keys.json" ] || [ "$dry" = yes ] ||
    fail "there are no keys yet; copy the folder that enrolment made to this machine and name it: --keys G000001"
  if [ ! -f "$ETC/gateway.toml" ]; then
    [ -n "$central" ] || [ "$dry" = yes ] || fail "there are no settings yet; name central's broker: --central HOST"
    act install -m 644 "$here/gateway.toml" "$ETC/gateway.toml"
    act sed -i "s/central\\.example\\.org/$central/" "$ETC/gateway.toml"
  fi
}

the_broker() {
  [ "$dry" = no ] || { say "would: set up $BROKER for this gateway's name"; return; }
  number=$(sed -n 's/.*"gateway": *\([0-9]*\).*/\1/p' "$ETC/gateway/keys.json")
  # shellcheck disable=SC2183 # one value
  name=$(printf 'G%06d' "$number")
  folder=$ETC/local-broker
  sed "s/G000001/$name/" "$here/acl" >"$folder/acl.new"
  cp "$here/mosquitto.conf" "$folder/mosquitto.conf.new"
  for file in acl mosquitto.conf; do
    chgrp mosquitto "$folder/$file.new"
    chmod 640 "$folder/$file.new"
    # Centers are cut off only where something changed.
    if cmp -s "$folder/$file.new" "$folder/$file"; then rm "$folder/$file.new"; else mv "$folder/$file.new" "$folder/$file"; again=yes; fi
  done
  if [ -n "$keys" ]; then again=yes; fi
}

# Starts what `current` names. 0: it runs and stays; 1: it never was ready; 2: it was, and ended again.
started() {
  systemctl daemon-reload
  systemctl restart "$SERVICE" || return 1
  pid=$(systemctl show -P MainPID "$SERVICE")
  left=$settle
  while [ "$left" -gt 0 ]; do
    sleep 1
    left=$((left - 1))
    [ "$(systemctl show -P MainPID "$SERVICE")" = "$pid" ] || return 2
  done
}

# The unit files are those of the version that runs.
units_of() {
  for file in $FILES; do
    act install -m 644 "$BASE/$1/share/$file" "$UNITS/$file" || fail "version $1 is not whole; install it again. What $BASE/current names is started"
  done
}

switch_to() {
  new=$1
  old=$(pointed current)
  if [ "$dry" = yes ]; then say "would: stop $SERVICE, point $BASE/current to $new, start it, and go back when it does not run"; return; fi
  saved=$STATE/before-$new
  # A lost line to this machine ends no upgrade half-way, and whatever goes wrong, what `current` names is started.
  trap '' HUP INT TERM
  trap 'systemctl start "$SERVICE" 2>/dev/null || true' EXIT
  [ -z "$old" ] || systemctl stop "$SERVICE" 2>/dev/null || true
  rm -rf "$STATE"/before-*
  install -d -m 700 "$saved"
  for file in "$STATE"/outbox.db*; do
    if [ -f "$file" ]; then cp -p "$file" "$saved/" || fail "what waits for central cannot be copied; nothing was changed"; fi
  done
  units_of "$new"
  point current "$new"
  systemctl daemon-reload
  systemctl enable --quiet "$SERVICE" "$BROKER" "$REBOOT.path"
  systemctl start "$REBOOT.path"
  if [ "${again-no}" = yes ]; then systemctl restart "$BROKER"; else systemctl start "$BROKER"; fi ||
    say "the local broker does not start; see: journalctl -u $BROKER"
  state=0
  started || state=$?
  if [ "$state" = 0 ]; then
    trap - EXIT
    rm -rf "$saved"
    if [ -n "$old" ] && [ "$old" != "$new" ]; then point previous "$old"; fi
    ln -sfn "$BASE/current/bin/sereno-gateway" "$LINK"
    say "version $new runs."
    return
  fi
  if [ -z "$old" ] || [ "$old" = "$new" ]; then
    fail "version $new does not run; systemd goes on trying. See: journalctl -u $SERVICE"
  fi
  say "version $new does not run (see: journalctl -u $SERVICE); going back to $old."
  systemctl stop "$SERVICE" || true
  # What a program that never was ready made of the store is undone; of one that was ready it is kept, for its numbers
  # may have been used towards central and must never be used again.
  if [ "$state" = 1 ] && [ -f "$saved/outbox.db" ]; then
    rm -f "$STATE"/outbox.db*
    cp -p "$saved"/outbox.db* "$STATE/"
  fi
  rm -rf "$saved"
  units_of "$old"
  point current "$old"
  started || fail "and version $old does not run either. See: journalctl -u $SERVICE"
  fail "version $old runs again; $new was not kept in use"
}

prune() {
  for place in "$BASE"/*/; do
    place=${place%/}
    name=${place##*/}
    case $name in current | previous | "$(pointed current)" | "$(pointed previous)" | '*') continue ;; esac
    act rm -rf "$place"
  done
}

case $verb in
  install)
    the_machine
    the_tools
    the_wheel
    the_user
    the_program
    the_keys
    the_broker
    act "$BASE/$version/bin/sereno-gateway" check --settings "$ETC/gateway.toml" ||
      fail "version $version finds an error above; mend it and call again. What ran before still runs"
    if [ "$(pointed current)" = "$version" ] && systemctl is-active --quiet "$SERVICE" && [ -z "$keys" ] && [ "${again-no}" = no ]; then
      say "version $version runs already; nothing to do."
      exit 0
    fi
    switch_to "$version"
    prune
    ;;
  rollback)
    the_machine
    before=$(pointed previous)
    if [ -z "$before" ] || [ ! -d "$BASE/$before" ]; then fail "there is no version before; nothing was changed"; fi
    switch_to "$before"
    ;;
  remove)
    the_machine
    act systemctl disable --now --quiet "$REBOOT.path" "$SERVICE" "$BROKER" 2>/dev/null || true
    for file in $FILES; do act rm -f "$UNITS/$file"; done
    act rm -f "$LINK"
    act systemctl daemon-reload
    act rm -rf "$BASE"
    if [ "$purge" = yes ]; then
      act rm -rf "$ETC/gateway" "$ETC/local-broker" "$ETC/gateway.toml" "$STATE"
      if id -u "$OWNER" >/dev/null 2>&1; then act userdel "$OWNER"; fi
      say "the gateway is off this machine, with its keys and what waited for central."
    else
      say "the gateway is off this machine; $ETC and $STATE stay (remove --purge takes them too)."
    fi
    ;;
esac
