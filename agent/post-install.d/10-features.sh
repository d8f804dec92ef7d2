#!/bin/sh
# What this qube can do, for dom0. Sent by 90-commit.sh.
set -- qrexec=1 vmexec=1 "os=$(uname -s)"
[ ! -x /usr/lib/bulkhead/gui-agent ] || set -- "$@" gui=1
if [ -x /usr/sbin/qubes-firewall ]; then
	set -- "$@" qubes-firewall=1
else
	set -- "$@" qubes-firewall=0
fi
[ ! -r /usr/lib/bulkhead/version ] || set -- "$@" "qubes-agent-version=$(cat /usr/lib/bulkhead/version)"
for service in /etc/qubes-rpc/* /usr/local/etc/qubes-rpc/*; do
	[ ! -e "$service" ] || set -- "$@" "supported-rpc.${service##*/}=1"
done
# Units that run only where the qube's owner turned a service on.
for unit in /usr/lib/systemd/system/*.service /usr/lib/systemd/system/*.timer; do
	[ -r "$unit" ] || continue
	service=$(sed -n 's|^ConditionPathExists=[!]*/run/qubes-service/||p' "$unit" | head -n 1)
	[ -z "$service" ] || set -- "$@" "supported-service.$service=1"
done
qvm-features-request "$@"
# shellcheck disable=SC1091
[ ! -r /etc/os-release ] || (
	. /etc/os-release
	qvm-features-request "os-distribution=${ID-}" "os-version=${VERSION_ID-}"
	[ -z "${ID_LIKE-}" ] || qvm-features-request "os-distribution-like=$ID_LIKE"
)
