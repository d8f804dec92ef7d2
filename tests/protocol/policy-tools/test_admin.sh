#!/bin/bash
# The services policy.* and the tools on them: tokens, checks, and that nothing is half done.
# shellcheck disable=SC2317
# shellcheck source=tests/protocol/policy-tools/common.sh
. "$(dirname "$0")/common.sh"

for name in List Get Replace Remove GetFiles include.List include.Get include.Replace include.Remove \
	RegisterArgument; do
	mkdir -p "$root/services"
	ln -s "$PROGRAMS/policy-admin" "$root/services/policy.$name"
done

# service NAME ARGUMENT PAYLOAD
service() {
	printf '%s' "$3" | if [ -n "$2" ]; then "$root/services/policy.$1" "$2"; else "$root/services/policy.$1"; fi
}

token_of() {
	printf 'sha256:%s' "$(sha256sum <"$1" | cut -d' ' -f1)"
}

user='s * work vault allow'
printf '%s\n' "$user" >"$policy/30-user.policy"
printf '# last\n!include-service admin.x * include/admins\n' >"$policy/90-default.policy"
printf 'mgmt @adminvm allow\n' >"$policy/include/admins"
touch "$policy/README" "$policy/.hidden.policy"

expect_run "files are listed by name" 0 $'30-user\n90-default' service List '' ''
expect_run "included files as they are" 0 admins service include.List '' ''
expect_run "a file comes with its token" 0 "$(token_of "$policy/30-user.policy")"$'\n'"$user" \
	service Get 30-user ''
expect_run "files that hold rules for a service" 0 30-user service GetFiles s ''
expect_run "also those that are included" 0 "$(realpath "$policy")/include/admins" \
	service GetFiles admin.x ''
expect_run "no file, no service" 0 '' service GetFiles nothing ''

expect_run "what is not there" 1 'PolicyAdminFileNotFoundException not found: no.policy' service Get no ''
expect_run "names are names" 1 \
	"PolicyAdminInvalidFileNameException invalid policy file name: a name has letters, digits, '_' and '-'" \
	service Get ../30-user ''
expect_run "an argument where none goes" 1 'PolicyAdminProtocolException unexpected argument' service List x ''
expect_run "no argument where one goes" 1 'PolicyAdminProtocolException expected an argument' service Get '' ''
expect_run "a payload where none goes" 1 'PolicyAdminProtocolException unexpected payload' service Get 30-user x
expect_run "no payload where one goes" 1 'PolicyAdminProtocolException expected payload' service Replace 30-user ''
expect_run "a token that is none" 1 'PolicyAdminProtocolException invalid token' service Replace 30-user $'sha256:12\n'
ln -s /etc/passwd "$policy/40-link.policy"
expect_run "a link is not followed" 1 \
	'PolicyAdminInvalidFilePathException not a file of this directory: 40-link.policy' service Get 40-link ''
rm "$policy/40-link.policy"

new=$'t * work vault deny\n'
expect_run "new means new" 1 'PolicyAdminTokenException file exists already: 30-user.policy' \
	service Replace 30-user $'new\n'"$new"
expect_run "a file is made" 0 '' service Replace 40-more $'new\n'"$new"
expect "and is what was sent" "$new" "$(cat "$policy/40-more.policy")"$'\n'
expect "with its mode" 664 "$(stat -c %a "$policy/40-more.policy")"
token=$(token_of "$policy/40-more.policy")
expect_run "with its token it is replaced" 0 '' service Replace 40-more "$token"$'\n# nothing\n'
expect_run "once" 1 \
	'PolicyAdminTokenException file has been changed since it was read: 40-more.policy; read it again' \
	service Replace 40-more "$token"$'\n'"$new"
expect "a refusal leaves it alone" '# nothing' "$(cat "$policy/40-more.policy")"
expect_run "an empty file may be made" 0 '' service Replace 40-more $'any\n'
expect "and is empty" 0 "$(stat -c %s "$policy/40-more.policy")"

expect_run "what does not parse is refused" 1 \
	"PolicyAdminSyntaxException $policy/40-more.policy:2: rule: has 2 words, needs 5" \
	service Replace 40-more $'any\n# fine\nnot fine\n'
expect_run "also in what is included" 1 \
	"PolicyAdminSyntaxException $policy/90-default.policy:2: $(realpath "$policy")/include/admins:1: rule: has 2 words, needs 3" \
	service include.Replace admins $'any\nnot fine\n'
expect_run "what is included can not go" 1 \
	"PolicyAdminSyntaxException $policy/90-default.policy:2: file '$policy/include/admins': does not exist" \
	service include.Remove admins any
expect_run "unless nobody includes it" 0 '' service Remove 90-default "$(token_of "$policy/90-default.policy")"
expect_run "then it can" 0 '' service include.Remove admins any
expect "nothing is left" '' "$(ls "$policy/include")"
expect_run "removing wants a token" 1 'PolicyAdminProtocolException invalid token' service Remove 40-more x
expect_run "and nothing else" 1 'PolicyAdminProtocolException expected a token and nothing else' \
	service Remove 40-more $'any\nmore'
printf 'broken\n' >"$policy/50-broken.policy"
expect_run "a broken policy can be repaired" 0 '' service Remove 50-broken any
head -c 1048577 /dev/zero | tr '\0' '#' >"$root/huge"
expect "more than a file can hold is refused" 1 \
	"$({ printf 'any\n'; cat "$root/huge"; } | "$root/services/policy.Replace" 40-more >"$root/out"; echo $?)"

# Many at once: each sees a whole file, and of those with one token one wins.
token=$(token_of "$policy/40-more.policy")
for i in 1 2 3 4 5 6 7 8; do
	(printf '%s\nx%d * work vault allow\n' "$token" "$i" | "$root/services/policy.Replace" 40-more >/dev/null 2>&1 &&
		echo won >>"$root/won") &
done
wait
expect "one of eight wins" 1 "$(wc -l <"$root/won")"

# The tools.
tool=$PROGRAMS/qubes-policy
expect_run "the tool lists" 0 $'30-user\n40-more' "$tool"
expect_run "and shows" 0 "$user" "$tool" 30-user
printf '%s\n' '# changed' | "$tool" -r 30-user
expect "and replaces" '# changed' "$(cat "$policy/30-user.policy")"
printf 'm @adminvm allow\n' | "$tool" -r include/mine
expect_run "and knows what is included" 0 'm @adminvm allow' "$tool" -g include/mine
expect_run "and removes" 0 '' "$tool" -d include/mine
expect_run "and says what is wrong" 1 '' "$tool" -g nothing
expect_has "by its text" 'qubes-policy: error: not found: nothing.policy' "$root/stderr"

editor=$PROGRAMS/qubes-policy-editor
expect_run "the editor puts back" 0 '' env VISUAL="printf 's * a b deny\\n' >" "$editor"
expect "what was edited" 's * a b deny' "$(cat "$policy/30-user.policy")"
expect_run "nothing edited is nothing done" 0 '' env VISUAL=true "$editor"
expect_run "an editor that fails changes nothing" 1 '' env VISUAL=false "$editor"
expect "an error is shown, and given up" 1 \
	"$(echo q | VISUAL="printf 'nonsense\\n' >" "$editor" 2>"$root/stderr"; echo $?)"
expect_has "with its line" '30-user:1: error: ' "$root/stderr"
rm -f "$(grep -o '/tmp/30-user-[^ ?]*' "$root/stderr")"
expect "and not put in force" 's * a b deny' "$(cat "$policy/30-user.policy")"
# A backend, the caller, lets a frontend, the target, call it with one argument.
register() {
	printf '%s' "$4" | QREXEC_REMOTE_DOMAIN=$1 QREXEC_REQUESTED_TARGET=$2 \
		"$root/services/policy.RegisterArgument" ${3:+"$3"}
}
registered=$policy/60-registered-arguments.policy
refused='PolicyAdminProtocolException invalid argument to register'
expect_run "an argument is registered" 0 '' register sys-usb work u2f.Authenticate 0a.b-C
expect "as a rule" 'u2f.Authenticate +0a.b-C work sys-usb allow' "$(cat "$registered")"
expect_run "another follows" 0 '' register sys-usb vault u2f.Authenticate 0b
expect "and the first stays" 2 "$(wc -l <"$registered")"
expect_run "one that has a rule is not registered" 1 \
	'PolicyAdminProtocolException there is a rule for this service and argument' \
	register sys-usb vault u2f.Authenticate 0b
expect_run "an argument is no rule" 1 "$refused" register sys-usb work u2f.X $'a b\nx * @anyvm dom0 allow'
expect_run "nor does it end a line" 1 "$refused" register sys-usb work u2f.X $'a\n'
expect_run "nor is it long" 1 "$refused" register sys-usb work u2f.X "$(printf 'a%.0s' {1..65})"
expect_run "a service is a name" 1 'PolicyAdminProtocolException invalid name of a service' \
	register sys-usb work 'x * @anyvm' a
for target in '' '@anyvm' 'a b'; do
	expect_run "a target is a qube, not '$target'" 1 \
		'PolicyAdminProtocolException expected two qubes, the caller and the target' \
		register sys-usb "$target" u2f.X a
done
printf 'secret * work\n' >"$policy/70-broken.policy"
expect_run "nothing of the policy is told" 2 'PolicyAdminException internal error' \
	register sys-usb work u2f.X a
rm "$policy/70-broken.policy"
expect "and nothing more is registered" 2 "$(wc -l <"$registered")"

finish
