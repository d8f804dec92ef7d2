#!/bin/bash
# qrexec-policy-log: filters, formats, and following a log that is moved away.
# shellcheck source=tests/protocol/policy-tools/common.sh
. "$(dirname "$0")/common.sh"
tool=$PROGRAMS/qrexec-policy-log
log=$root/var/log/qubes/qrexec-policy.log

# line TIME SOURCE ASKED GIVEN SERVICE ANSWER
line() {
	printf '%sZ source=%s asked=%s given=%s service=%s argument=+ rule=/p/30-user.policy:1 answer=%s reason=rule\n' "$@"
}
day=2026-01-02T03:04

expect_run "no log has no lines" 0 '' "$tool"
line $day:01.000 work vault vault s.Old allow >"$log.1"
{
	line $day:02.000 work vault vault s.One allow
	line $day:03.000 red '\x1b[1m' - s.Two deny
	printf 'something else\n'
	printf '%s:04.000Z source=work\033[1m asked=x\n' $day
	line $day:05.000 red @dispvm @dispvm:dvm s.One allow
	printf '%s:06.000Z source=relay for=far asked=work given=work service=s.One argument=+x rule=- answer=deny reason=no-rule\n' $day
	printf '%s:07.000Z source=cut' $day
} >"$log"

# services OPTION...: of the lines printed
services() {
	"$tool" "$@" 2>&1 | sed 's/.*service=\([^ ]*\) argument=\([^ ]*\) .*/\1\2/' | tr '\n' ' '
}
expect "both files are read, oldest first" 's.Old+ s.One+ s.Two+ s.One+ s.One+x ' "$(services)"
expect "by source" 's.Old+ s.One+ ' "$(services --source work)"
expect "on whose behalf counts" 's.One+x ' "$(services --source far)"
expect "by target" 's.Old+ s.One+ ' "$(services --target vault)"
expect "the template of a disposable counts" 's.One+ ' "$(services --target dvm)"
expect "by qube, either way" 's.Old+ s.One+ s.One+x ' "$(services --qube work)"
expect "by service" 's.One+ s.One+ s.One+x ' "$(services --service s.One)"
expect "by argument" 's.One+x ' "$(services --service s.One+x)"
expect "by empty argument" 's.One+ s.One+ ' "$(services --service s.One+)"
expect "by result" 's.Two+ s.One+x ' "$(services --result deny)"
expect "since a time" 's.One+ s.One+x ' "$(services --since 2026-01-02T03:04:05)"
expect "since a day" '' "$(services --since 2026-01-03)"
expect "since a while" '' "$(services --since 2h)"
expect "the last ones" 's.One+ s.One+x ' "$(services -n 2)"
expect "the last ones of some" 's.One+ ' "$(services -n 1 --source work)"
expect "all together" 's.One+ ' "$(services --qube red --service s.One --result allow --since 2026-01-01 -n 3)"
for bad in "--since x" "--since m" "--result maybe" "-n 0" "-n x" "word" "--nothing"; do
	# shellcheck disable=SC2086
	expect_run "wrong: $bad" 2 '' "$tool" $bad
done
expect_run "as JSON" 0 \
	'{"time":"2026-01-02T03:04:03.000Z","source":"red","asked":"\\x1b[1m","given":"-","service":"s.Two","argument":"+","rule":"/p/30-user.policy:1","answer":"deny","reason":"rule"}' \
	"$tool" --json --service s.Two
expect "which is JSON" 5 "$("$tool" --json | jq -r .time | wc -l)"

# await TEXT: until it is in what was followed
await() {
	count=$((count + 1))
	for _ in $(seq 200); do
		if grep -qF "$1" "$root/followed"; then
			echo "ok $count - $1 is followed"
			return
		fi
		sleep 0.05
	done
	fail "$1 is followed" "got: $(cat "$root/followed")"
}
line $day:01.000 work vault vault s.Old allow >"$log"
"$tool" -f -n 1 --qube work >"$root/followed" &
follower=$!
await s.Old
expect "the last one first" 1 "$(wc -l <"$root/followed")"
line $day:10.000 red vault - s.Foreign deny >>"$log"
line $day:10.000 work vault - s.Added deny >>"$log"
await s.Added
mv "$log" "$log.1"
line $day:11.000 work vault - s.Late deny >>"$log.1"
line $day:11.000 work vault - s.New deny >"$log"
await s.New
expect "and nothing else" 's.Old s.Added s.Late s.New ' \
	"$(sed 's/.*service=\([^ ]*\) .*/\1/' "$root/followed" | tr '\n' ' ')"
kill "$follower"
wait "$follower" 2>/dev/null
finish
