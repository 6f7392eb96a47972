#!/bin/sh
# Asterisk 22 for the demo and the tests: the machine's own if there is one, else Debian's packages unpacked into
# var/asterisk/root. Unpacked only: nothing is installed on the machine, and neither unpacking nor running needs root.
#   RINGWISE_DEBIAN_MIRROR   where Debian's packages are fetched from, instead of the machine's own source
set -eu
cd "$(dirname "$0")/../.."
. config/setup/console.sh

place=var/asterisk
root=$place/root
suite=forky  # the Debian release that carries Asterisk 22
wanted=22

# version PROGRAM...: the major version of an Asterisk, or nothing.
version() { "$@" -V 2>/dev/null | sed -n 's/^Asterisk [^0-9]*\([0-9]*\).*/\1/p'; }

# unpacked FOLDER: run the Asterisk in it with its own C library, whatever the machine's is.
unpacked() {
    loader=$(ls "$1"/usr/lib/*/ld-linux-*.so.* 2>/dev/null | head -n 1)
    [ -n "$loader" ] || return 1
    folder=$1
    shift
    "$loader" --library-path "$(dirname "$loader")" "$folder/usr/sbin/asterisk" "$@"
}

PATH=$PATH:/usr/sbin:/usr/local/sbin
if command -v asterisk >/dev/null 2>&1; then
    found=$(version asterisk)
    if [ "${found:-0}" -ge "$wanted" ]; then
        say "using this machine's $(asterisk -V)"
        exit 0
    fi
    [ -d "$root" ] ||
        say "this machine's Asterisk is ${found:-unreadable}; Ringwise wants $wanted and takes a private copy, yours stays untouched"
fi
[ -d "$root" ] && exit 0

packages mmdebstrap debian-archive-keyring

mirror=${RINGWISE_DEBIAN_MIRROR:-}
if [ -z "$mirror" ] && grep -q '^ID=debian' /etc/os-release; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1)
fi

mkdir -p "$place"
exec 9> "$place/lock"
flock 9
[ -d "$root" ] && exit 0  # another run was faster
new=$place/unpacking
rm -rf "$new"

# What this machine's apt was told about proxies and ageing mirrors holds for this fetch as well.
apt-config dump | grep -i -E '^Acquire::(Check-Valid-Until|https?::Proxy)' > "$place/apt.conf" || true

say "unpacking Asterisk $wanted from Debian's packages into $root (about 60 MB to fetch, 310 MB on disk)"
# chrootless + extract: the packages are checked and unpacked, none of their scripts run.
quietly "Asterisk could not be unpacked from Debian's packages (RINGWISE_DEBIAN_MIRROR can name another mirror)" \
    mmdebstrap --mode=chrootless --variant=extract --format=directory --aptopt="$place/apt.conf" \
    --include=asterisk,asterisk-core-sounds-en-wav,asterisk-moh-opsound-wav \
    "$suite" "$new" ${mirror:+"$mirror"}

# Debian points sounds/en at a voice when the package is configured, which did not happen here.
ln -sfn en_US_f_Allison "$new/usr/share/asterisk/sounds/en"
if [ "$(version unpacked "$new")" != "$wanted" ]; then
    stop "The unpacked Asterisk does not run on this machine." \
        "Remove $new and run the command again, or install Asterisk $wanted yourself."
fi
mv "$new" "$root"
say "$(unpacked "$root" -V) is ready in $root"
