#!/bin/sh
# What this qube can do, for dom0. Sent by 90-commit.sh.
qvm-features-request qrexec=1 vmexec=1 "os=$(uname -s)"
# shellcheck disable=SC1091
[ ! -r /etc/os-release ] || (
	. /etc/os-release
	qvm-features-request "os-distribution=${ID-}" "os-version=${VERSION_ID-}"
	[ -z "${ID_LIKE-}" ] || qvm-features-request "os-distribution-like=$ID_LIKE"
)
[ ! -x /usr/lib/bulkhead/gui-agent ] || qvm-features-request gui=1
for service in /etc/qubes-rpc/*; do
	[ ! -e "$service" ] || qvm-features-request "supported-rpc.${service##*/}=1"
done
