# Sourced by the set-up scripts: how they speak, and how they become root.

say() { printf '%s\n' "ringwise: $*"; }

# stop SENTENCE WAY_OUT: one clear sentence, one way out, status 1.
stop() {
    printf '%s\n' "ringwise: $1" "          $2" >&2
    exit 1
}

# need_root WHAT: make sure that as_root will work, asking for a password while one can see it; else stop.
need_root() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null 2>&1 || stop "Installing $1 needs root, and there is no sudo here." \
        "Run this once as root: apt-get update && apt-get install --no-install-recommends $1"
    sudo -n true 2>/dev/null || sudo -v || stop "Installing $1 needs root, and sudo refused." \
        "Have an administrator run: apt-get update && apt-get install --no-install-recommends $1"
}

# as_root COMMAND...: run it as root, through sudo when we are not root.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# packages NAME...: install what is missing, asking the network only then.
packages() {
    missing=
    for name in "$@"; do
        installed "$name" || missing="$missing $name"
    done
    [ -n "$missing" ] || return 0
    missing=${missing# }
    command -v apt-get >/dev/null 2>&1 || stop "This machine lacks $missing and has no apt-get to install it." \
        "Install the equivalent packages of your system and run the command again."
    need_root "$missing"
    say "installing $missing (Debian packages)"
    if [ -z "${lists_read:-}" ]; then
        quietly "Debian's package lists could not be read" as_root apt-get -q update
        lists_read=yes
    fi
    # The names are split into words on purpose.
    # shellcheck disable=SC2086
    quietly "Not every package of '$missing' could be installed" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends $missing
}

# quietly SENTENCE COMMAND...: show one moving line; all of the output only when the command fails.
quietly() {
    sentence=$1
    shift
    mkdir -p var
    log=var/setup.log
    : > "$log"
    if [ -t 1 ]; then
        ( while sleep 1; do printf '\r\033[K          %.70s' "$(tail -n 1 "$log")"; done ) &
        ticker=$!
    else
        ticker=
    fi
    status=0
    "$@" > "$log" 2>&1 || status=$?
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null || true
        wait "$ticker" 2>/dev/null || true
        printf '\r\033[K'
    fi
    [ "$status" = 0 ] && return 0
    tail -n 15 "$log" >&2
    if grep -q -i -E 'resolv|unreachable|connect(ion)? (timed|refused|fail)|could not connect|network|NewConnectionError' "$log"; then
        stop "$sentence: the network or the package mirror did not answer." \
            "Connect once (a proxy goes into http_proxy or apt's own settings) and run the command again; later runs need no network."
    fi
    stop "$sentence (the lines above say why)." "The whole output is in $log."
}
