# What the recipes share: progress, the cache, the agent's tree and file system images.
# Sourced by templates/build, which sets `source_directory` and `started`.
# shellcheck shell=bash disable=SC2154

# Debian release of the templates.
suite=bookworm

say() {
	printf '[%4d s] %s\n' "$((SECONDS - started))" "$*"
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need() {
	local program missing=()

	for program in "$@"; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || missing+=("$program")
	done
	[ ${#missing[@]} -eq 0 ] ||
		fail "missing programs: ${missing[*]} (./bulkhead demo installs them)"
}

# Runs a command silently; shows what it printed only when it fails.
quietly() {
	local log=$work_directory/quietly.log

	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		fail "command failed: $*"
	fi
}

# Programs of administration are not in an ordinary user's PATH.
export PATH=$PATH:/usr/sbin:/sbin

# Files get this time, so that a tree built twice is the same.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$source_directory" log -1 --format=%ct 2>/dev/null ||
	stat -c %Y "$source_directory/meson.build")}
export SOURCE_DATE_EPOCH

cache_directory=${BULKHEAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead}

# Repositories of the release that this machine's apt already uses, as lines of sources.list.
# Nothing is printed when there are none: mmdebstrap's own default is then right.
package_sources() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null | sort -u |
		sed -n "s/^Debian|\(${suite}[a-z-]*\)|\([^|]*\)|main\$/deb \2 \1 main/p"
}

# fetch_packages VARIANT PACKAGES TAR [mmdebstrap options]: a tree of Debian packages as a tar
# file. The list of packages with their versions lies in it as /packages.manifest.
fetch_packages() {
	local variant=$1 packages=$2 output=$3

	shift 3
	package_sources >"$work_directory/sources.list"
	quietly mmdebstrap --quiet --variant="$variant" --include="$packages" "$@" \
		"$suite" "$output" "$work_directory/sources.list"
}

# What runs in a qube, as installed under $1.
stage_agent() {
	local build=$cache_directory/build-agent

	mkdir -p "$cache_directory"
	if [ ! -e "$build/build.ninja" ]; then
		rm -rf "$build"
		quietly meson setup "$build" "$source_directory" --buildtype=release \
			--prefix=/usr --libexecdir=lib --sysconfdir=/etc --localstatedir=/var \
			-Dhost=false -Dtests=false -Dman=disabled -Dwerror=false
	fi
	quietly ninja -C "$build"
	DESTDIR=$1 quietly meson install -C "$build" --no-rebuild --quiet
}

# Any fixed one: nothing finds a qube's disks by it, and two builds give the same image.
filesystem_uuid=62756c6b-6865-4164-8000-000000000001

# make_filesystem DIRECTORY IMAGE SIZE [mke2fs options]: a raw ext4 image, sparse.
make_filesystem() {
	local directory=$1 image=$2 size=$3

	shift 3
	rm -f "$image"
	E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -m 1 \
		-E "hash_seed=$filesystem_uuid" -U "$filesystem_uuid" "$@" -d "$directory" "$image" "$size" >/dev/null
}

# make_image NAME SIZE OUTPUT: the recipe's NAME_make_tree fills a directory, which becomes the root
# file system of a qcow2 image. As root, or with root's ids faked for a process of its own.
make_image() {
	local name=$1 size=$2 output=$3

	if [ "$(id -u)" -eq 0 ]; then
		pack_root "$name" "$size"
	else
		need fakeroot
		fakeroot -- "$source_directory/templates/build" --pack "$name" "$size" "$work_directory"
	fi
	qemu-img convert -f raw -O qcow2 "$work_directory/root.img" "$output.new"
	mv "$output.new" "$output"
}

pack_root() {
	local name=$1 size=$2 root=$work_directory/root

	"${name//-/_}_make_tree" "$root"
	find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	make_filesystem "$root" "$work_directory/root.img" "$size"
}
