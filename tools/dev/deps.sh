# shellcheck shell=bash
# Installs missing Debian packages. The usual case, nothing missing, is one dpkg-query.

# Lines "name[|name…] version" of tools/dependencies.txt; version is "-" where any will do.
wanted_packages() {
  awk '/^[^#]/ { split($1, p, ">="); print p[1], (p[2] ? p[2] : "-") }' "$ROOT/tools/dependencies.txt"
}

# Prints the lines of wanted_packages() that are not installed (or too old).
missing_packages() {
  local wanted installed names version name found have
  wanted=$(wanted_packages)
  # shellcheck disable=SC2046  # one word per package
  installed=$(dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n' \
    $(cut -d' ' -f1 <<<"$wanted" | tr '|' ' ') 2>/dev/null | awk -F'|' '$1 ~ /^ii/ { print $2, $3 }') || true
  while read -r names version; do
    found=
    for name in ${names//|/ }; do
      have=$(awk -v name="$name" '$1 == name { print $2; exit }' <<<"$installed")
      [ -n "$have" ] || continue
      if [ "$version" = - ] || dpkg --compare-versions "$have" ge "$version"; then found=1; fi
    done
    [ -n "$found" ] || printf '%s %s\n' "$names" "$version"
  done <<<"$wanted"
}

apt_get() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing packages needs root, and there is no sudo" \
      "as root: apt-get install --no-install-recommends …   (the list is tools/dependencies.txt)"
    as_root=(sudo)
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >&2
}

# The newest version of a package that apt knows and that is at least this one; empty if there is none.
apt_version_at_least() {
  local version
  for version in $(apt-cache madison "$1" | awk -F'|' '{ gsub(/ /, "", $2); print $2 }'); do
    if dpkg --compare-versions "$version" ge "$2"; then
      printf '%s\n' "$version"
      return
    fi
  done
}

# Makes apt know the backports of this Debian, from the mirror that the machine uses already.
add_backports() {
  local codename file=/etc/apt/sources.list.d/walrus-backports.sources
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  say "adding $codename-backports to apt ($file)"
  local stanza
  stanza=$("$ROOT/tools/dev/backports_source" "$codename" \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list) ||
    fail "no apt source for Debian $codename found on this machine" \
      "add $codename-backports to apt yourself, then run this again"
  if [ "$(id -u)" -eq 0 ]; then
    printf '%s\n' "$stanza" >"$file"
  else
    printf '%s\n' "$stanza" | sudo tee "$file" >/dev/null
  fi
  apt_get update
}

# A package with a version of its own: exactly that version, and of its source's other packages only the run time.
install_versioned() {
  local name=$1 wanted=$2 version
  version=$(apt_version_at_least "$name" "$wanted")
  if [ -z "$version" ]; then
    add_backports
    version=$(apt_version_at_least "$name" "$wanted")
  fi
  [ -n "$version" ] || fail "apt has no $name >= $wanted, not even in the backports" \
    "Debian 12 with bookworm-backports and Debian 13 have it"
  local packages=("$name=$version") dependency
  for dependency in $(apt-cache show "$name=$version" | awk -v v="$version" '
      /^Depends:/ { n = split(substr($0, 10), d, ", *"); for (i = 1; i <= n; i++)
        if (d[i] ~ / \(= / && index(d[i], "(= " v ")")) { split(d[i], p, " "); print p[1] } }'); do
    packages+=("$dependency=$version")
  done
  apt_get install -y --no-install-recommends "${packages[@]}"
}

ensure_deps() {
  command -v dpkg-query >/dev/null || fail "this is not a Debian system: dpkg-query is missing" \
    "install what tools/dependencies.txt names, then use WALRUS_NO_DEPS=1"
  local missing
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0

  say "installing missing packages: $(cut -d' ' -f1 <<<"$missing" | tr '\n' ' ')"
  apt_get update
  local names version name plain=() versioned=()
  while read -r names version; do
    if [ "$version" != - ]; then
      versioned+=("$names $version")
      continue
    fi
    for name in ${names//|/ }; do
      [ -z "$(apt-cache madison "$name")" ] || break
    done
    plain+=("$name")
  done <<<"$missing"
  [ ${#plain[@]} -eq 0 ] || apt_get install -y --no-install-recommends "${plain[@]}"
  for name in "${versioned[@]}"; do
    # shellcheck disable=SC2086  # "name version"
    install_versioned $name
  done

  missing=$(missing_packages)
  [ -z "$missing" ] || fail "still missing after the installation: $missing" "see apt's output above"
}
