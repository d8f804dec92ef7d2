#!/bin/sh
# What this qube can do, for dom0. Sent by 90-commit.sh.
set -- qrexec=1 vmexec=1
[ ! -x /usr/lib/bulkhead/gui-agent ] || set -- "$@" gui=1
for service in /etc/qubes-rpc/*; do
	[ ! -e "$service" ] || [ "${#service}" -gt 46 ] || set -- "$@" "supported-rpc.${service##*/}=1"
done
qvm-features-request "$@"
# shellcheck disable=SC1091
[ ! -r /etc/os-release ] || (
	. /etc/os-release
	qvm-features-request "os-distribution=${ID-}" "os-version=${VERSION_ID-}"
	[ -z "${ID_LIKE-}" ] || qvm-features-request "os-distribution-like=$ID_LIKE"
)
