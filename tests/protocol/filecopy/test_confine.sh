#!/bin/bash
# What the receiver can still do when it reads the first byte of a stranger, as the kernel tells it: which
# descriptors it has, which privileges, which file system; and the order of its system calls.
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

new_place
mkdir -p "$work/there/QubesIncoming/source"
echo secret >"$work/there/secret"
head -c 500000 /dev/zero >large
pack large | head -c 300000 >"$work/half"

mkfifo "$work/pipe"
exec 9<"$work/half" # one more, which the child must not keep
HOME=$work/there QREXEC_REMOTE_DOMAIN=source "$programs/qfile-unpacker" <"$work/pipe" >"$work/result" 2>/dev/null &
receiver=$!
exec 7>"$work/pipe"
cat "$work/half" >&7
for _ in {1..500}; do
	[ -z "$(find "$incoming" -name large)" ] || break
	sleep 0.02
done
child=$(pgrep -P $receiver)
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$child/status"; }
is "no new privileges" 1 "$(status NoNewPrivs)"
is "a filter of system calls" 2 "$(status Seccomp)"
is "no capability" "0000000000000000 0000000000000000 0000000000000000" \
	"$(status CapEff) $(status CapPrm) $(status CapInh)"
is "one thread" 1 "$(status Threads)"
is "no core dump" "0 0" "$(awk '/^Max core/ { print $5, $6 }' "/proc/$child/limits")"
if [ "$(readlink "/proc/$child/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]; then
	is "the root is the destination" "$(stat -c %d:%i "$incoming")" "$(stat -L -c %d:%i "/proc/$child/root")"
	matches "without devices, programs, set-id" ' / .*nosuid,nodev,noexec' "/proc/$child/mountinfo"
	no "nothing else has a path" [ -e "/proc/$child/root/../secret" ]
else
	echo "SKIP: no mount namespace here: landlock alone confines it"
fi

# Its descriptors: the stream, the answer, the log, the record of what arrives; and below the destination.
outside=$(for fd in "/proc/$child/fd/"*; do
	target=$(readlink "$fd")
	case $target in
	"$work/pipe" | "$work/result" | /dev/null | /memfd:transfer-record* | *eventpoll*) ;;
	# Within its root, paths begin there.
	/ | /.receiving-* | "$incoming" | "$incoming"/.receiving-*) ;;
	*) echo "${fd##*/} $target" ;;
	esac
done)
is "no descriptor that leads elsewhere" "" "$outside"
is "the stream, once" 1 "$(find "/proc/$child/fd" -lname "$work/pipe" | wc -l)"
is "its parent has no stream" 0 "$(find "/proc/$receiver/fd" -lname "$work/pipe" | wc -l)"
exec 7>&- 9<&-
wait $receiver

# The order: all of that before the first byte is read.
if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	echo "SKIP: the order of system calls: no strace"
	summary
fi
pack large >"$work/stream"
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
HOME=$work/there QREXEC_REMOTE_DOMAIN=source strace -f -qq -o "$work/trace" "$programs/qfile-unpacker" \
	<"$work/stream" >"$work/result" 2>/dev/null
is "traced" "0 0" "$? $(code_of "$work/result")"
# The child is who reads descriptor 0.
child=$(awk '$2 ~ /^(read|poll)/ && /read\(0,/ { print $1; exit }' "$work/trace")
sed -n "s/^$child *//p" "$work/trace" >"$work/calls"
first=$(grep -n '^read(0,' "$work/calls" | head -n 1 | cut -d : -f 1)
line() { grep -nE "$1" "$work/calls" | head -n 1 | cut -d : -f 1; }
for call in 'prctl\(PR_SET_NO_NEW_PRIVS.* = 0' 'capset\(.*effective=0.* = 0' 'seccomp\(SECCOMP_SET_MODE_FILTER.* = 0' \
	'(landlock_restrict_self|chroot)\(.* = 0'; do
	at=$(line "$call")
	yes "$call before the first byte (${at:-never} < ${first:-never})" [ "${at:-$((1 << 30))}" -lt "${first:-0}" ]
done
tail -n +"$first" "$work/calls" >"$work/after"
no "no program, socket or privilege after it" grep -E '^(execve|socket|connect|fork|clone|vfork|set[a-z]*[ug]id|mount|ptrace|open\()' "$work/after"
no "no path that is absolute, or leads up" grep -E '^(openat2?|mkdirat|symlinkat|renameat2|unlinkat)\([^,]*, "(/|.*\.\./)' "$work/after"
yes "each step below a directory that is held open" grep -qE '^openat2\([0-9]+, "tree".*RESOLVE_BENEATH' "$work/after"
no "nothing that the filter refused" grep -E '= -1 EPERM' "$work/after"
# What it promises to the sender is on the disk: the bytes, then the mark, then the names, then the answer.
order=$(grep -oE '^(syncfs|mkdirat\([0-9]+, "complete|fsync|renameat2|write\(1,)' "$work/after" | sed 's/(.*//' | uniq | xargs)
is "the order of what is made durable" "syncfs mkdirat fsync renameat2 fsync write" "$order"

# Each call that may fail fails once: all is there and confirmed, or nothing and not.
new_place
mkdir tree && echo one >tree/one && echo two >two && mkdir -p "$incoming/tree" && echo old >"$incoming/tree/old"
pack tree two >"$work/stream"
wrong=
failed=0
for call in getdents64:EIO:8 openat2:EIO:8 openat:EMFILE:3 mkdirat:ENOSPC:5 write:ENOSPC:2 fchmod:EIO:4 \
	utimensat:EIO:4 syncfs:EIO:1 fsync:EIO:3 renameat2:EIO:2 newfstatat:EIO:6; do
	IFS=: read -r name error times <<<"$call"
	for ((when = 1; when <= times; when++)); do
		HOME=$work/there QREXEC_REMOTE_DOMAIN=source strace -f -qq -o /dev/null -e "trace=$name" \
			-e "inject=$name:error=$error:when=$when" "$programs/qfile-unpacker" \
			<"$work/stream" >"$work/result" 2>/dev/null
		there=$(cd "$incoming" && find . -mindepth 1 | sort | sed 's,\./,,' | xargs)
		case "$(code_of "$work/result"): $there" in
		"0: tree tree/old tree/one two") ;;
		[1-9]*": tree tree/old") failed=$((failed + 1)) ;;
		# A program that can not even begin.
		": tree tree/old") ;;
		*) wrong="$wrong $name:$when($(code_of "$work/result"): $there)" ;;
		esac
		chmod -R u+rwx "$incoming" && rm -rf "$incoming/two" "$incoming/tree/one" "$incoming"/.receiving-*
	done
done
is "whatever fails, whole or not at all" "" "$wrong"
yes "of which some were refused ($failed)" [ "$failed" -gt 15 ]

summary
