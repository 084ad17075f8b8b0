# shellcheck shell=bash
# What every script here shares; source it, do not run it.
#
# Tools that are slow to get live in one folder outside the tree, so that a fresh clone and a
# cleaned one find them again. Deleting that folder is always safe: the next run fills it anew.
# A script that installs something talks on standard error and prints one line on standard
# output: the path of what it installed.

repo_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache_root=${WECHAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wechat-backend}
python_root=$cache_root/python
export repo_root cache_root python_root

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# lock_cache NAME: one installer of that name at a time, so that two test runs on one machine do not
# build into one folder. The lock goes away with the shell that took it, however it ends.
lock_cache() {
  local lock
  mkdir -p "$cache_root"
  exec {lock}>"$cache_root/$1.lock"
  flock "$lock"
}

# debian_lists: reads the package lists once a boot or container, which the stamp remembers: reading
# them costs more than most packages. Sets as_root for what follows.
debian_lists() {
  local stamp=/run/wechat-backend-apt-updated
  as_root=()
  have apt-get || fail "install these with your system's package manager: $*"
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || fail "become root, or install these first: apt-get install $*"
    as_root=(sudo)
  fi
  if [ ! -e "$stamp" ]; then
    "${as_root[@]}" apt-get -qq update >&2
    "${as_root[@]}" touch "$stamp"
  fi
}

# debian_packages NAME…: installs Debian packages.
debian_packages() (
  lock_cache debian
  say "installing Debian packages: $*"
  debian_lists "$@"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
    -o DPkg::Lock::Timeout=300 --no-install-recommends "$@" </dev/null >&2
)

# debian_unpacked FOLDER NAME…: puts the files of Debian packages into a folder. Nothing is installed,
# and no service is started.
debian_unpacked() (
  lock_cache debian
  folder=$1
  shift
  say "unpacking Debian packages: $*"
  debian_lists "$@"
  mkdir -p "$folder"
  cd "$folder" || exit
  apt-get -qq download "$@" </dev/null >&2
  for package in ./*.deb; do dpkg-deb -x "$package" .; done
  rm ./*.deb
)

# debian_unpacked_whole FOLDER NAME…: the same with everything that they need and this system lacks.
debian_unpacked_whole() (
  lock_cache debian
  folder=$1
  shift
  say "unpacking Debian packages with what they need: $*"
  debian_lists "$@"
  mkdir -p "$folder/archives/partial"
  "${as_root[@]}" apt-get -qq install -y --download-only --reinstall --no-install-recommends \
    -o Dir::Cache::archives="$folder/archives" -o APT::Sandbox::User=root \
    -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
  for package in "$folder"/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
  "${as_root[@]}" rm -r "$folder/archives"
)

# need COMMAND PACKAGE: installs the Debian package unless the command is already there.
need() {
  have "$1" || debian_packages "$2"
}

# python_tools: the tools of scripts/requirements.txt, in an environment of their own.
python_tools() {
  local wanted=$repo_root/scripts/requirements.txt done_file=$python_root/requirements.txt
  cmp -s "$wanted" "$done_file" && return
  need python3 python3
  python3 -c 'import ensurepip' 2>/dev/null || debian_packages python3-venv
  say "installing Python packages: $(grep -v '^#' "$wanted" | tr '\n' ' ')"
  [ -x "$python_root/bin/pip" ] || python3 -m venv "$python_root" >&2
  "$python_root/bin/pip" install --quiet --requirement "$wanted" >&2
  cp "$wanted" "$done_file"
}

# python_tool NAME: the path of one of them.
python_tool() {
  (lock_cache python && python_tools) || fail "the Python tools could not be installed"
  [ -x "$python_root/bin/$1" ] || fail "$1 is not in $python_root/bin: see requirements.txt"
  printf '%s\n' "$python_root/bin/$1"
}

# web_packages: the folder of what web/package.json pins: what builds and checks the page.
web_packages() {
  local home
  home=$cache_root/web-$(sha256sum "$repo_root/web/package.json" | cut -c1-12)
  (lock_cache web && { [ -d "$home" ] || install_web_packages "$home"; }) ||
    fail "the npm packages could not be installed"
  printf '%s\n' "$home/node_modules"
}

install_web_packages() {
  local wanted=$repo_root/web/package.json
  need node nodejs
  need npm npm
  say "installing npm packages: $(sed -n '/devDependencies/,/}/s/ *"\(.*\)": "\(.*\)",*/\1 \2/p' "$wanted" | tr '\n' ' ')"
  rm -rf "$1.partial"
  mkdir -p "$1.partial"
  cp "$wanted" "$1.partial/"
  npm install --prefix "$1.partial" --no-audit --no-fund --no-package-lock --loglevel=error \
    </dev/null >&2 && mv "$1.partial" "$1"
}
