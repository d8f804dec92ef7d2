#!/bin/bash
# The tools that ask the policy: explain --what-if, the graph, lint, and the fallback program.
# shellcheck disable=SC2317
# shellcheck source=tests/protocol/policy-tools/common.sh
. "$(dirname "$0")/common.sh"
explain="$POLICY_PROGRAMS/qrexec-policy explain"
lint=$POLICY_PROGRAMS/qrexec-policy-lint
graph=$PROGRAMS/qrexec-policy-graph
facts=$root/facts.json

qube() {
	printf '"%s":{"tags":[%s],"type":"%s","template_for_dispvms":%s,"default_dispvm":%s,"icon":"i","label":"%s","guivm":"dom0","internal":null,"relayvm":null,"transport_rpc":null,"power_state":"Running","uuid":"%s"}' "$@"
}
{
	printf '{"domains":{'
	qube dom0 '' AdminVM false null 0x000000 00000000-0000-0000-0000-000000000000
	printf ,
	qube work '"office"' AppVM false '"dvm"' 0x3465a4 c0ffee00-0000-4000-8000-000000000001
	printf ,
	qube red '' AppVM false null 0xcc0000 c0ffee00-0000-4000-8000-000000000002
	printf ,
	qube dvm '' AppVM true null 0x555555 c0ffee00-0000-4000-8000-000000000003
	printf '}}'
} >"$facts"
cat >"$policy/30-user.policy" <<'P'
s +a work red allow
s * work dom0 ask
t * @anyvm @dispvm allow
!include include/more
P
echo 'u * red work allow' >"$policy/include/more"

# what_if ARGUMENT...
what_if() {
	# shellcheck disable=SC2086
	$explain --system-info "$facts" --what-if "$@"
}
cp "$policy/30-user.policy" "$root/30-user.policy"
expect_run "the same is no change" 0 'no call would be decided differently' what_if "$root/30-user.policy"
sed -i 's/+a/*/' "$root/30-user.policy"
expect_run "a change is told" 1 's, s+any.other.argument: ask with 1 choice -> ask with 2 choices
    work => dom0
s, s+any.other.argument: deny -> allow
    work => red
4 calls would be decided differently: 2 newly allowed, 0 newly asked, 0 newly refused, 2 otherwise' \
	what_if "$root/30-user.policy"
expect_run "another file beside it" 1 'u: allow -> deny
    red => work
1 call would be decided differently: 0 newly allowed, 0 newly asked, 1 newly refused, 0 otherwise' \
	what_if <(echo 'u * @anyvm @anyvm deny') --as 20-first.policy
expect_run "also one that is included" 1 'u: allow -> deny
    red => work
1 call would be decided differently: 0 newly allowed, 0 newly asked, 1 newly refused, 0 otherwise' \
	what_if /dev/null --as include/more
echo 'wrong' >"$root/wrong"
expect_run "an error is an answer" 4 \
	"every call would be refused: $policy/30-user.policy:1: rule: has 1 words, needs 5" \
	what_if "$root/wrong" --as 30-user.policy
expect_run "a file needs a place" 2 '' what_if "$root/wrong"
expect_run "and has to be there" 2 '' what_if "$root/nothing"
mkdir "$root/other"
expect_run "a whole directory" 1 \
	'6 calls would be decided differently: 0 newly allowed, 0 newly asked, 6 newly refused, 0 otherwise' \
	sh -c "$explain --system-info '$facts' --what-if '$root/other' >'$root/out'; s=\$?; tail -n 1 '$root/out'; exit \$s"
expect_run "one call under the change" 0 "allow: s+x from 'work' to 'red': a rule says so
  taken as a call to: red
  by $policy/30-user.policy:1: s * work red allow
  goes to: red" what_if "$root/30-user.policy" work red s+x
# shellcheck disable=SC2086
expect_run "which is refused as it is" 1 "deny: s+x from 'work' to 'red': no rule matches" \
	sh -c "$explain --system-info '$facts' work red s+x >'$root/out'; s=\$?; head -n 1 '$root/out'; exit \$s"
# shellcheck disable=SC2086
expect_run "a place without a file" 2 '' $explain --as x

draw() {
	"$graph" --system-info "$facts" "$@"
}
expect_run "allowed calls are drawn" 0 'digraph g {
  "work" [color="#3465a4" penwidth=2];
  "red" [color="#cc0000" penwidth=2];
  "work" -> "red" [label="s" color=red];
  "@dispvm:dvm" [style=dotted];
  "work" -> "@dispvm:dvm" [label="t" color=red];
  "red" -> "work" [label="u" color=red];
}' draw
expect_run "and asked ones" 0 'digraph g {
  "work" [color="#3465a4" penwidth=2];
  "dom0" [color="#000000" penwidth=2];
  "work" -> "dom0" [label="s" color=orange];
}' draw --include-ask --service s --target dom0
expect_run "with arguments and keywords in full" 0 'digraph g {
  "work" [color="#3465a4" penwidth=2];
  "red" [color="#cc0000" penwidth=2];
  "work" -> "red" [label="s+a" color=red];
  "@dispvm" [style=dotted];
  "work" -> "@dispvm" [label="t" color=red];
}' draw --full-output --source work --service=t s
expect_run "or without names" 0 'digraph g {
  "red" [color="#cc0000" penwidth=2];
  "work" [color="#3465a4" penwidth=2];
  "red" -> "work" [color=red];
}' draw --skip-labels --source red dvm --output /dev/stdout
draw --include-ask --full-output >"$root/g.dot"
if command -v dot >/dev/null; then
	expect_run "dot can read it" 0 '' sh -c "dot -Tsvg '$root/g.dot' | head -c 0"
fi
expect_run "wrong options of the graph" 2 '' draw word
echo wrong >"$policy/90.policy"
expect_run "a broken policy is not drawn" 1 '' draw
expect_has "and said to be" 'needs 5' "$root/stderr"
rm "$policy/90.policy"

expect_run "lint finds nothing" 0 '' "$lint" "$policy/30-user.policy"
expect_run "lint tells file and line" 1 "$root/wrong:1: error: rule: has 1 words, needs 5: wrong" "$lint" -s "$root/wrong"
expect_run "lint reads service files" 0 '' "$lint" -i - <<<'work @adminvm allow,target=red'
expect_run "which are no policy" 1 '-:1: error: rule: has 3 words, needs 5' "$lint" - <<<'work @adminvm allow'

# The fallback asks the administration daemon, which is played here.
serve() {
	rm -f "$root/run/qubesd.internal.sock"
	python3 - "$root/run/qubesd.internal.sock" "$facts" <<'P' &
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
while True:
    client = server.accept()[0]
    while client.recv(4096):
        pass
    client.sendall(b"0\0" + open(sys.argv[2], "rb").read())
    client.close()
P
	server=$!
	while [ ! -S "$root/run/qubesd.internal.sock" ]; do sleep 0.05; done
}
ask() {
	"$PROGRAMS/qrexec-policy-exec" "$@"
}
expect_run "without facts no call" 1 'result=deny' ask -- work red s+a
serve
sleep 0.2
expect_run "a call is allowed" 0 'user=DEFAULT
result=allow
target=red
target_uuid=uuid:c0ffee00-0000-4000-8000-000000000002
autostart=True
requested_target=red' ask -- work red s+a
expect_run "or refused" 1 'result=deny' ask -- red work s+a
expect_run "nobody is asked" 1 'result=deny' ask -- work dom0 s+b
expect_run "but a yes can be taken for granted" 0 'result=allow' ask --assume-yes-for-ask --just-evaluate work dom0 s+b
expect_run "wrong is refused" 1 '' ask work dom0
expect_run "what was decided is logged" 0 $'allow\ndeny\ndeny' \
	sh -c "'$PROGRAMS/qrexec-policy-log' --json | jq -r .answer"
kill "$server"
wait "$server" 2>/dev/null
finish
