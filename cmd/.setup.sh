# Sourced by the scripts beside it: makes .venv in this clone ready, or says in one line why it cannot.
# A run that finds everything in place costs a few milliseconds. Everything it says goes to stderr.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv

fail() { echo "codebutler: $1" >&2; exit 1; }

say() {  # on a terminal the next step takes the place of the last one
  if [ -t 2 ]; then printf '\r\033[K%s' "$1" >&2; else [ -z "$1" ] || echo "$1" >&2; fi
}

step() {  # NAME COMMAND…: its output goes to the log, and to the screen only when it fails
  local name=$1
  shift
  say "Setting up .venv (once, about half a minute): $name"
  "$@" >>"$venv/setup.log" 2>&1 && return
  say ""
  tail -n 25 "$venv/setup.log" >&2
  fail "setting up failed at: $name. The whole log is in $venv/setup.log; the same command tries again"
}

wanted() {  # a venv is bound to its place, so the place is part of the stamp
  (cd "$root" && echo "$root" && cat requirements.lock pyproject.toml | cksum)
}

ready() { [ -x "$venv/bin/codebutler" ] && [ -f "$venv/setup.stamp" ] && [ "$(<"$venv/setup.stamp")" = "$(wanted)" ]; }

find_python() {  # a name on PATH may be a shim that does not start, or lack venv, so each is tried
  local name
  for name in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if "$name" -Ic 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"; return
    fi
  done
  return 1
}

set_up() {
  local python pip=("$venv/bin/python" -Im pip --disable-pip-version-check install --quiet --no-deps)
  python=$(find_python) || fail "needs Python 3.11 or newer with its venv module on PATH (Debian, Ubuntu: apt install python3-venv)"
  exec 9<"$root/requirements.lock"
  "$python" -Ic 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'  # this shell's descriptor keeps the lock until it closes
  if ready; then exec 9<&-; return; fi
  # No stamp: an earlier setup was interrupted and may have left half a package. Another place: the clone was moved.
  if ! { [ "$(head -n 1 "$venv/setup.stamp")" = "$root" ] && "$venv/bin/python" -c ''; } 2>/dev/null; then
    rm -rf "$venv" 2>/dev/null || true  # what cannot be removed cannot be written either: said below
  fi
  mkdir -p "$venv" 2>/dev/null && : 2>/dev/null >"$venv/setup.log" || fail "cannot write to $venv: use a clone in a folder that you may write to"
  rm -f "$venv/setup.stamp"
  [ -x "$venv/bin/pip" ] || step "$("$python" -IV)" "$python" -Im venv "$venv"
  # Wheels only: no package's own setup code runs on the person's machine.
  step "$(grep -c '==' "$root/requirements.lock") packages" \
    "${pip[@]}" --require-hashes --only-binary :all: --no-compile -r "$root/requirements.lock"
  step codebutler "${pip[@]}" --no-build-isolation --editable "$root"
  wanted >"$venv/setup.stamp"
  say ""
  exec 9<&-
}

unset PYTHONDONTWRITEBYTECODE  # else each worker of the suite translates all of it, and every package, anew
command -v git >/dev/null || fail "needs git on PATH"
[ -n "${HOME:-}" ] || fail "HOME is not set: set it to a folder where settings may be kept"
mkdir -p "$HOME" 2>/dev/null || fail "HOME is $HOME, which does not exist and cannot be made: set it to a folder of yours"
ready || set_up
