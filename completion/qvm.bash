# Completion for the qvm tools and those of the policy in bash. What can be completed is asked of the tools themselves, so
# that it is never out of date: options come from --help, names from the daemon.
# shellcheck shell=bash

_qvm_qubes() {
	qvm-ls --raw-list 2>/dev/null
}

_qvm_labels() {
	qubesd-query --empty dom0 admin.label.List dom0 2>/dev/null | tail -c +3
}

_qvm_pools() {
	qvm-pool list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

# The first column of the lists of qvm-prefs, qvm-features and their like.
_qvm_first_column() {
	"$@" 2>/dev/null | awk '{ print $1 }'
}

_qvm_formats() {
	qvm-ls --help-formats | awk 'NR > 1 { print $1 }'
}

_qvm_volumes() {
	qvm-volume list --full 2>/dev/null | awk 'NR > 1 { print $2 ":" $3 }'
}

# What was copied and moved, of a qube or, without a name, of dom0.
_qvm_transfers() {
	_qvm_first_column qvm-transfer list "$@"
}

# The files of policy, those of include/ with the directory.
_qvm_policy_files() {
	qubes-policy --list 2>/dev/null
	qubes-policy --list include/ 2>/dev/null | sed 's|^|include/|'
}

# The options that the help of a command shows.
_qvm_options() {
	"$@" --help 2>/dev/null | sed -n 's/^  \(-.*\)/\1/p' | sed 's/  .*//' |
		grep -oE -- '--?[A-Za-z][A-Za-z-]*'
}

# What the value of a property may be.
_qvm_values() {
	case $1 in
	label) _qvm_labels ;;
	*netvm | *template | *dispvm | *guivm | *audiovm | clockvm | updatevm)
		_qvm_qubes
		echo None
		;;
	autostart | debug | ephemeral | include_in_backups | provides_network | template_for_dispvms)
		printf '%s\n' True False
		;;
	virt_mode) printf '%s\n' pvh hvm pv ;;
	esac
}

# Candidates for the value of the option before the cursor; fails when it takes none we know.
_qvm_option_value() {
	case $1:$2 in
	qvm-ls:-o | qvm-ls:--format) _qvm_formats ;;
	qvm-create:-l | *:--label) _qvm_labels ;;
	*:-C | *:--class) qvm-create --help-classes 2>/dev/null ;;
	qvm-create:-t | *:--template | *:--dispvm | *:--exclude | *:--netvm-is | *:--template-source)
		_qvm_qubes
		;;
	*:-P | qvm-volume:-p | qvm-volume:--pool) _qvm_pools ;;
	qrexec-policy*:--source | qrexec-policy*:--target | qrexec-policy*:--qube | qrexec-policy:--for)
		_qvm_qubes
		;;
	qrexec-policy-log:--result) printf '%s\n' allow deny ;;
	qrexec-policy*:--policy-dir | qrexec-policy*:--system-info | qrexec-policy:--what-if | \
		qrexec-policy-log:--file | qrexec-policy-graph:--output)
		compgen -f -- "$cur"
		;;
	qvm-appmenus:--set-whitelist) compgen -f -- "$cur" ;;
	*:--internal | *:--servicevm) printf '%s\n' y n ;;
	*) return 1 ;;
	esac
}

# Candidates for an argument: $1 the command, then the arguments before the cursor.
_qvm_argument() {
	local command=$1
	shift
	case $command:$# in
	qvm-prefs:1) _qvm_first_column qvm-prefs "$1" ;;
	qvm-prefs:2) _qvm_values "$2" ;;
	qubes-prefs:0) _qvm_first_column qubes-prefs ;;
	qubes-prefs:1) _qvm_values "$1" ;;
	qvm-features:1) _qvm_first_column qvm-features "$1" ;;
	qvm-service:1) _qvm_first_column qvm-service "$1" ;;
	qvm-service:2) printf '%s\n' on off ;;
	qvm-tags:1) printf '%s\n' list add del ;;
	qvm-tags:[2-9]) _qvm_first_column qvm-tags "$1" ;;
	qvm-volume:0) printf '%s\n' list info config resize revert snapshot delete import clone clear ;;
	qvm-volume:*)
		case $1:$# in
		list:* | ls:*) _qvm_qubes ;;
		*:1) _qvm_volumes ;;
		config:2) printf '%s\n' revisions_to_keep rw ephemeral ;;
		info:2) printf '%s\n' revisions states work size usage ;;
		revert:2 | delete:2)
			qvm-volume info "$2" states 2>/dev/null |
				awk 'NR > 1 && ($4 == "revision" || $5 != "-") { print $5 != "-" ? $5 : $3 }'
			;;
		import:2) compgen -f -- "$cur" ;;
		clone:2) _qvm_volumes ;;
		esac
		;;
	qvm-transfer:0) printf '%s\n' list undo ;;
	qvm-transfer:1)
		_qvm_qubes
		[ "$1" != undo ] || _qvm_transfers
		;;
	qvm-transfer:2) [ "$1" != undo ] || _qvm_transfers "$2" ;;
	qvm-transfer:*) ;;
	qvm-clipboard:0) printf '%s\n' copy paste status clear ;;
	qvm-clipboard:*) ;;
	qubes-policy:0) _qvm_policy_files ;;
	qubes-policy:* | qrexec-policy-log:*) ;;
	qrexec-policy:0) printf '%s\n' explain grants ;;
	qrexec-policy:*)
		case $1:$# in
		explain:[12]) _qvm_qubes ;;
		grants:1) printf '%s\n' list revoke ;;
		grants:*) [ "$2" != revoke ] || _qvm_first_column qrexec-policy grants list ;;
		esac
		;;
	qvm-copy-to-vm:0 | qvm-move-to-vm:0) _qvm_qubes ;;
	qvm-copy:* | qvm-move:* | qvm-copy-to-vm:* | qvm-move-to-vm:*) compgen -f -- "$cur" ;;
	qvm-pool:0) printf '%s\n' list info drivers ;;
	qvm-pool:*) _qvm_pools ;;
	qvm-disp-keep:0) qvm-ls --raw-data --fields NAME,CLASS 2>/dev/null | sed -n 's/|DispVM$//p' ;;
	qvm-disp-keep:*) ;;
	qvm-create:* | qubesd-query:* | qvm-features:* | qvm-service:* | qvm-prefs:* | qubes-prefs:*) ;;
	qvm-run:0 | qvm-clone:0) _qvm_qubes ;;
	qvm-run:* | qvm-clone:*) ;;
	*) _qvm_qubes ;;
	esac
}

_qvm() {
	local cur prev cword=$COMP_CWORD
	local -a words=("${COMP_WORDS[@]}") arguments=()
	local first=1 command candidates i

	# A colon splits words in bash: VMNAME:VOLUME is put together again.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : words cword
	fi
	cur=${words[cword]}
	prev=${words[cword - 1]}

	command=${words[0]##*/}
	if [ "$command" = qvm ]; then
		if [ "$cword" = 1 ]; then
			mapfile -t COMPREPLY < <(compgen -W \
				"$(qvm --help | sed -n 's/^  qvm-\([a-z-]*\) .*/\1/p')" -- "$cur")
			return
		fi
		command=qvm-${words[1]}
		first=2
	fi
	for ((i = first; i < cword; i++)); do
		[[ ${words[i]} == -* ]] || arguments+=("${words[i]}")
	done

	if [[ $cur == -* ]]; then
		if [ "$command" = qvm-volume ] || [ "$command" = qvm-pool ]; then
			candidates=$(_qvm_options "$command" "${arguments[0]:-list}")
		else
			candidates=$(_qvm_options "$command")
		fi
	elif [[ $prev == -* ]] && candidates=$(_qvm_option_value "$command" "$prev"); then
		:
	else
		candidates=$(_qvm_argument "$command" "${arguments[@]}")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur")
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _qvm qvm qrexec-policy qrexec-policy-graph qrexec-policy-log qubes-policy qubes-prefs \
	qubesd-query qvm-appmenus qvm-check qvm-clipboard qvm-clone qvm-copy qvm-copy-to-vm qvm-create \
	qvm-disp-keep qvm-features qvm-kill qvm-ls qvm-move qvm-move-to-vm qvm-notes qvm-pause qvm-pool \
	qvm-prefs qvm-remove qvm-run qvm-service qvm-shutdown qvm-start qvm-sync-appmenus qvm-tags \
	qvm-transfer qvm-unpause qvm-volume
complete -W '--json --help --version' bulkhead-doctor
complete -f -W '--dry-run --yes --system-info --help --version' qrexec-legacy-convert
