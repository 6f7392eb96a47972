#!/bin/sh
# Makes .venv with everything, and installs the programs that are missing. Works on a minimal Debian or Ubuntu.
#   install.sh                what `make install` needs: Python and its packages
#   install.sh demo           + speech, a browser and Chinese letters for it
#   install.sh demo-cluster   + PostgreSQL's programs (no server is set up; demonstration and tests start their own)
#   install.sh test           + SIPp
# What is there is left alone; when nothing is missing, it needs no network and no rights.
set -eu
cd "$(dirname "$0")/../.."
. config/setup/console.sh

wanted=${1:-install}
case $wanted in
    install|demo|demo-cluster|test) ;;
    *) stop "install.sh does not know '$wanted'." "Say install, demo, demo-cluster or test." ;;
esac

# --- Python ------------------------------------------------------------------------------------------------------

range=$(sed -n 's/^requires-python = ">=3\.\([0-9]*\),<3\.\([0-9]*\)".*/\1 \2/p' pyproject.toml)
lowest=${range% *}
beyond=${range#* }

# fits PROGRAM: is it a Python in that range?
fits() { "$1" -c "import sys; sys.exit(not (3, $lowest) <= sys.version_info[:2] < (3, $beyond))" 2>/dev/null; }

# find_python: a Python in the range that can make environments, or nothing. The system's own first.
find_python() {
    names="/usr/bin/python3 python3"
    minor=$((beyond - 1))
    while [ "$minor" -ge "$lowest" ]; do
        names="$names python3.$minor"
        minor=$((minor - 1))
    done
    for name in $names; do
        if fits "$name" && "$name" -c 'import venv, ensurepip' 2>/dev/null; then
            printf '%s' "$name"
            return
        fi
    done
}

make_venv() {
    python=$(find_python)
    if [ -z "$python" ]; then
        packages python3 python3-venv
        python=$(find_python)
    fi
    if [ -z "$python" ] && apt-cache show "python3.$lowest-venv" >/dev/null 2>&1; then
        packages "python3.$lowest" "python3.$lowest-venv"
        python=$(find_python)
    fi
    [ -n "$python" ] || stop "Ringwise needs Python 3.$lowest to 3.$((beyond - 1)), and this system offers none of them." \
        "Install one of them with its venv module and run the command again; Debian 12 and Ubuntu 24.04 have one."
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    quietly "The Python environment could not be made" "$python" -m venv .venv
}

stamp=$(cksum < pyproject.toml)
if ! { [ -x .venv/bin/python ] && fits .venv/bin/python; }; then
    make_venv
fi
if [ "$(cat .venv/.installed 2>/dev/null)" != "$stamp" ]; then
    say "installing Python packages into .venv (a minute or two the first time)"
    quietly "The Python packages could not be installed" \
        .venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off -e '.[dev]'
    printf '%s\n' "$stamp" > .venv/.installed
fi
[ "$wanted" = install ] && exit 0

# --- programs ----------------------------------------------------------------------------------------------------

have() { command -v "$1" >/dev/null 2>&1; }

have espeak-ng || packages espeak-ng
have fc-list || packages fontconfig
[ -n "$(fc-list :lang=zh family 2>/dev/null | head -n 1)" ] || packages fonts-noto-cjk

PATH=$PWD/.venv/bin:$PATH
if ! have chromium && ! have google-chrome; then
    if grep -q '^ID=ubuntu' /etc/os-release; then
        # Ubuntu's chromium is a snap, which minimal systems and containers cannot run: Playwright's own build instead.
        say "fetching Chromium through Playwright into var/browser (Ubuntu's package is a snap)"
        export PLAYWRIGHT_BROWSERS_PATH="$PWD/var/browser"
        need_root chromium
        quietly "The libraries that Chromium needs could not be installed" as_root "$PWD/.venv/bin/playwright" install-deps chromium
        quietly "Chromium could not be fetched" .venv/bin/playwright install chromium
        browser=$(find "$PLAYWRIGHT_BROWSERS_PATH" -type f -name chrome | head -n 1)
        [ -n "$browser" ] || stop "Playwright left no Chromium in var/browser." "Install google-chrome and run the command again."
        ln -sf "$browser" .venv/bin/chromium
    else
        packages chromium
    fi
fi
[ "$wanted" = demo ] && exit 0

[ "$wanted" = demo-cluster ] || have sipp || packages sip-tester
if [ -z "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] && ! have initdb; then
    # Debian would set up and start a server of its own: not wanted here, so say so while it installs.
    hint=/etc/postgresql-common/createcluster.d/ringwise.conf
    need_root postgresql
    as_root mkdir -p "${hint%/*}"
    printf 'create_main_cluster = false\n' | as_root tee "$hint" >/dev/null
    packages postgresql
    as_root rm -f "$hint"
fi
