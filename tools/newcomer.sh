#!/usr/bin/env bash
# First light as root, as a user with sudo, or as a user without, in a clone of this user's own.
# For a machine or a container without the Debian packages of set-up, which may be thrown away.
# Usage, as root: tools/newcomer.sh root|sudo|plain [PYTHON]
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
python=$(command -v "${2:-python3}")
user=root
scratch=$(mktemp --directory)
trap 'rm -r "$scratch"' EXIT
if [[ $kind != root ]]; then
  user=newcomer
  useradd --create-home "$user"
  trap 'userdel --remove "$user"; rm -rf "$scratch" /etc/sudoers.d/newcomer' EXIT
fi
if [[ $kind == sudo ]]; then
  echo "$user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/newcomer
fi

# The checkout may be another user's, which git wants to be told.
printf '[safe]\n\tdirectory = *\n' >"$scratch/.gitconfig"
clone=$scratch/gpu_platform
mkdir "$clone"
HOME=$scratch git ls-files -z --cached --others --exclude-standard |
  tar --create --null --files-from - | tar --extract --directory "$clone"
git init --quiet "$clone"
chown --recursive "$user" "$scratch"
home=$(getent passwd "$user" | cut -d: -f6)

as_user() {
  (cd "$clone" && runuser --user "$user" -- env --ignore-environment HOME="$home" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@")
}

if [[ $kind == plain ]]; then
  as_user bash tools/refused.sh "or have it typed" "$python" | tee "$scratch/said"
  read -ra typed < <(grep --only-matching 'apt-get install [^`]*' "$scratch/said")
  apt-get -q update
  DEBIAN_FRONTEND=noninteractive "${typed[@]}" --yes
fi
as_user "$python" tools/first_light.py "$python"
