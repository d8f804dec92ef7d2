#!/bin/bash
# qrexec-legacy-convert: what the old files say, in the present form, and all back where that is not so.
# shellcheck disable=SC2317
# shellcheck source=tests/protocol/policy-tools/common.sh
. "$(dirname "$0")/common.sh"
explain="$POLICY_PROGRAMS/qrexec-policy explain"
convert=$PROGRAMS/qrexec-legacy-convert
facts=$root/facts.json
legacy=$root/etc/qubes-rpc/policy
mkdir -p "$legacy"
tab=$'\t'

qube() {
	printf '"%s":{"tags":[%s],"type":"%s","template_for_dispvms":%s,"default_dispvm":%s,"icon":"i","label":"%s","guivm":"dom0","internal":null,"relayvm":null,"transport_rpc":null,"power_state":"Running","uuid":"%s"}' "$@"
}
{
	printf '{"domains":{'
	qube dom0 '' AdminVM false null 0x000000 00000000-0000-0000-0000-000000000000
	printf ,
	qube ledger '"office"' AppVM false '"dvm"' 0x3465a4 c0ffee00-0000-4000-8000-000000000001
	printf ,
	qube crypt '' AppVM false null 0xcc0000 c0ffee00-0000-4000-8000-000000000002
	printf ,
	qube letters '' AppVM false null 0xcc0000 c0ffee00-0000-4000-8000-000000000004
	printf ,
	qube dvm '' AppVM true null 0x555555 c0ffee00-0000-4000-8000-000000000003
	printf '}}'
} >"$facts"

# A policy of only these files. tree NAME CONTENT ... ; a name without .policy is an old file.
tree() {
	rm -f "$policy"/*.policy* "$legacy"/* "$root"/status
	echo '!compat-4.0' >"$policy/35-compat.policy"
	while [ $# -gt 0 ]; do
		case $1 in
		*.policy) printf "$2" >"$policy/$1" ;;
		*) printf "$2" >"$legacy/$1" ;;
		esac
		shift 2
	done
}

# All files with their content.
state() {
	(cd "$root/etc" && find . -type f | LC_ALL=C sort | while read -r file; do
		echo "== $file"
		cat "$file"
	done)
}

# decisions QUESTION...: of each "SOURCE TARGET SERVICE", the exit status of explain.
decisions() {
	local question

	for question; do
		# shellcheck disable=SC2086
		$explain --system-info "$facts" $question >/dev/null 2>&1
		printf '%d ' $?
	done
}

# kept WHAT QUESTION...: the conversion succeeds, and nothing is decided otherwise.
kept() {
	local what=$1 before

	shift
	before=$(decisions "$@")
	"$convert" --system-info "$facts" >"$root/out" 2>"$root/err"
	expect "$what" "0 $before" "$? $(decisions "$@")"
	expect "$what: no old file counts any more" "" "$(find "$legacy" -type f ! -name '*.rpmsave')"
}

# The vectors of the specification with old files: S-G20 to S-G23.
tree demo.Echo '$anyvm $anyvm allow\n'
kept S-G20 'ledger crypt demo.Echo' 'ledger crypt demo.Echo+k' 'ledger dom0 demo.Echo' 'ledger crypt other'
tree 90-default.policy 'demo.Echo * @anyvm @anyvm allow\n' demo.Echo+k 'ledger crypt allow\n'
kept S-G21 'ledger crypt demo.Echo+k' 'ledger letters demo.Echo+k' 'ledger letters demo.Echo+j' 'ledger dom0 demo.Echo+k'
expect "S-G21: with what was implied" \
	"demo.Echo${tab}+k${tab}ledger${tab}crypt${tab}allow demo.Echo${tab}+k${tab}@anyvm${tab}@anyvm${tab}deny demo.Echo${tab}+k${tab}@anyvm${tab}@adminvm${tab}deny" \
	"$(grep -v '^#' "$policy/30-user.policy" | grep . | paste -sd ' ')"
tree 90-default.policy 'demo.Echo * @anyvm @anyvm allow\n' demo.Echo 'ledger crypt allow\n'
kept S-G22 'ledger crypt demo.Echo' 'crypt letters demo.Echo'
tree demo.Echo 'ledger letters deny\n' demo.Echo+k 'ledger letters allow\n'
kept S-G23 'ledger letters demo.Echo' 'ledger letters demo.Echo+k' 'ledger letters demo.Echo+j'

# Known services have a file each.
tree qubes.Filecopy '$tag:office crypt ask,default_target=crypt\nledger letters allow,notify=yes\n$anyvm $anyvm deny\nledger ledger allow\n' \
	qubes.OpenURL 'ledger $dispvm allow,autostart=no\n' 90-default.policy 'qubes.Filecopy * @anyvm @anyvm deny\n' \
	50-config-filecopy.policy 'qubes.Filecopy * crypt letters deny\n'
kept "known services" 'ledger crypt qubes.Filecopy' 'ledger letters qubes.Filecopy' 'crypt letters qubes.Filecopy+x' 'ledger @dispvm qubes.OpenURL'
expect "rules are in front of what there was, to the first that denies all" \
	"qubes.Filecopy${tab}*${tab}@tag:office${tab}crypt${tab}ask default_target=crypt|qubes.Filecopy${tab}*${tab}ledger${tab}letters${tab}allow notify=yes|qubes.Filecopy * crypt letters deny" \
	"$(grep -v '^#' "$policy/50-config-filecopy.policy" | grep . | paste -sd '|')"
expect "what a rule says beside is kept" "qubes.OpenURL${tab}*${tab}ledger${tab}@dispvm${tab}allow autostart=no" \
	"$(grep -v '^#' "$policy/50-config-openurl.policy" | grep .)"
expect "what was there is kept beside" "qubes.Filecopy * crypt letters deny" "$(cat "$policy/50-config-filecopy.policy.bak")"
expect "the rules are printed" 3 "$(grep -c "$tab" "$root/out")"
before=$(state)
"$convert" --system-info "$facts" >"$root/out" 2>"$root/err"
expect "once more there is nothing to do" "0 0 $before" "$? $(stat -c %s "$root/out") $(state)"

# The denial of all that ends a service is kept where it decides something.
tree qubes.Filecopy 'ledger crypt allow\n$anyvm $anyvm deny\n' 90-default.policy 'qubes.Filecopy * @anyvm @anyvm ask\n'
kept "a denial that counts" 'ledger crypt qubes.Filecopy' 'ledger letters qubes.Filecopy'
expect "is there" 1 "$(grep -c "@anyvm${tab}@anyvm${tab}deny" "$policy/50-config-filecopy.policy")"

# Not simple: with a user, or an argument.
tree qubes.OpenInVM 'ledger crypt allow,user=root\nledger letters allow\n' qubes.InputMouse 'ledger $adminvm allow\n' \
	50-config-input.policy 'qubes.InputKeyboard * crypt @adminvm ask\n'
kept "another user" 'ledger crypt qubes.OpenInVM' 'ledger letters qubes.OpenInVM' 'crypt dom0 qubes.InputKeyboard' 'ledger dom0 qubes.InputMouse'
expect "goes to the user's file" 2 "$(grep -c OpenInVM "$policy/30-user.policy")"

# Rules of input take the place of those that were there, which changes a decision: all as it was.
tree qubes.InputMouse 'ledger $adminvm allow\n' \
	50-config-input.policy 'qubes.InputMouse * crypt @adminvm ask\nqubes.InputKeyboard * crypt @adminvm ask\n'
before=$(state)
"$convert" --system-info "$facts" >"$root/out" 2>"$root/err" </dev/null
expect "what decides otherwise is undone" "1 $before" "$? $(state)"
expect_has "and named" "qubes.InputMouse" "$root/err"
expect_has "as undone" "left as it was" "$root/err"
tree qubes.InputMouse 'ledger $adminvm allow\n' \
	50-config-input.policy 'qubes.InputMouse * crypt @adminvm ask\nqubes.InputKeyboard * crypt @adminvm ask\n'
"$convert" --yes --system-info "$facts" >"$root/out" 2>"$root/err" </dev/null
expect "unless it is wanted" "0 1 0" "$? $(decisions 'crypt dom0 qubes.InputMouse' 'ledger dom0 qubes.InputMouse' | xargs)"

# Nothing is touched where something is wrong.
tree demo.Echo 'ledger crypt allow\n' demo.Echo.rpmsave 'kept\n'
before=$(state)
"$convert" --system-info "$facts" >"$root/out" 2>"$root/err"
expect "an old file that is kept already is not lost" "1 $before" "$? $(state)"
tree demo.Echo 'ledger crypt maybe\n'
before=$(state)
"$convert" --system-info "$facts" >"$root/out" 2>"$root/err"
expect "a policy with an error" "1 $before" "$? $(state)"
expect_has "is named" demo.Echo "$root/err"
tree demo.Echo 'ledger crypt allow\n'
before=$(state)
"$convert" --dry-run --system-info "$facts" >"$root/out" 2>"$root/err"
expect "a dry run changes nothing" "0 $before demo.Echo" "$? $(state) $(cut -f 1 "$root/out")"
rm "$policy/35-compat.policy"
before=$(state)
"$convert" --system-info "$facts" >"$root/out" 2>"$root/err"
expect "files that do not count are not made to" "0 0 $before" "$? $(stat -c %s "$root/out") $(state)"
"$convert" surplus >"$root/out" 2>"$root/err"
expect "too many words" 2 $?
expect_run "its version" 0 "$("$convert" --version)" "$convert" --version
finish
