# shellcheck shell=sh
# What every experiment stands on: a lab of nodes, and commands run there. Sourced, not run.
#
#   ENCAP_LAB=namespaces  `encap lab`, the default: seconds, one kernel, needs root
#   ENCAP_LAB=vm          `encap lab vm`: QEMU guests, ENCAP_KERNEL=5.10,6.12 names their kernels
#                         ENCAP_LAB_NAME=NAME: guests that are up already, and stay, so that several experiments take their start once
#   ENCAP_LAB=vagrant     the machines of ../Vagrantfile, which must be up; it is theirs which overlay they have

set -eu
experiments=$(dirname "$(realpath "$0")")/..
experiments=$(realpath "$experiments")
checkout=$(realpath "$experiments/../..")
encap="$checkout/node_modules/.bin/encap"
[ -x "$encap" ] || encap="$checkout/dist/src/cli/main.js"
kind=${ENCAP_LAB:-namespaces}
given=''
[ "$kind" != vm ] || given=${ENCAP_LAB_NAME:-}
lab=${given:-exp$$}
work=$(mktemp -d "${TMPDIR:-/tmp}/experiment.XXXXXX")
up=no background='' restarted='' edited=no
case $kind in # seconds that a command may take to begin
namespaces) patience=30 ;;
*) patience=300 ;; # emulated, on a machine that is busy
esac

say() {
	printf '%s\n' "$*"
}

# A heading before what a reader is to look at.
title() {
	printf '\n== %s\n' "$*"
}

fail() {
	say "NOT SEEN: $*"
	exit 1
}

# The last line of an experiment: what it has shown. Tests wait for it.
shown() {
	printf '\nSHOWN: %s\n' "$*"
}

# lab_up PRESET [NODES [CARRIERS]]: builds the network, Calico resources of examples/PRESET in hand. NODES, with commas,
# are those that guests are wanted for, the other labs have all. An emulated agent takes a minute or two until it is
# ready, a kernel's device seconds: CARRIERS (node-b=kernel-vxlan) gives guests that are not looked at one.
lab_up() {
	preset=$1
	cp -r "$checkout/examples/$preset" "$work/cluster"
	case $kind in
	namespaces) "$encap" -q lab up "$preset" --name "$lab" -f "$work/cluster" >/dev/null ;;
	vm)
		[ -n "$given" ] || "$encap" -q lab vm up "$preset" --name "$lab" --kernel "${ENCAP_KERNEL:-6.12}" --timeout 400 \
			${2:+--nodes "$2"} ${3:+--carrier "$3"} >/dev/null
		;;
	vagrant)
		theirs=$(overlay_of_machines)
		[ "$theirs" = "$preset" ] ||
			fail "the machines have the overlay ${theirs:-of nobody: are they up}, not $preset: vagrant provision, with ENCAP_VAGRANT_OVERLAY=$preset"
		;;
	*) fail "ENCAP_LAB is namespaces, vm or vagrant, not $kind" ;;
	esac
	up=yes
	say "lab: $preset in $kind, kernel $(on node-a uname -r)"
}

# Of Vagrant's machines (provision/another).
overlay_of_machines() {
	on node-a cat /etc/encap-vagrant 2>/dev/null | cut -d ' ' -f 1
}

lab_down() {
	for process in $background; do kill "$process" 2>/dev/null || true; done
	background=''
	[ $up = yes ] || return 0
	up=no
	rm -rf "$work/cluster"
	[ -z "$given" ] || return 0
	for node in $restarted; do [ "$kind" = vagrant ] || agent "$node" stop; done
	restarted=''
	case $kind in
	namespaces) "$encap" -q lab down "$lab" >/dev/null ;;
	vm) "$encap" -q lab vm down "$lab" >/dev/null ;;
	vagrant) [ $edited = no ] || on_nodes sh -c "cp $(source_on)/examples/$preset/*.yaml $(cluster)/" ;;
	esac
	edited=no
}

finish() {
	status=$?
	lab_down
	rm -rf "$work"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

# on WHERE COMMAND...: as root on a node, on the router, or in a workload (a1, b2).
on() {
	where=$1
	shift
	case $kind in
	namespaces)
		case $where in
		router) nsenter --net="/run/netns/encap-$lab-router" -- "$@" ;;
		*) "$encap" lab exec --name "$lab" "$where" -- "$@" ;;
		esac
		;;
	vm) "$encap" lab vm exec --name "$lab" "$where" -- "$@" ;;
	vagrant)
		words=''
		for word; do words="$words '$(printf %s "$word" | sed "s/'/'\\\\''/g")'"; done
		case $where in
		router | node-*) machine=$where ;;
		*) machine=node-$(printf %s "$where" | cut -c1) words="ip netns exec $where $words" ;;
		esac
		(cd "$experiments/.." && vagrant ssh "$machine" --no-tty --command "sudo $words" -- -q)
		;;
	esac
}

# The interface towards the other nodes; the name of the router's two in the order of subnets.
uplink() {
	case $kind:$1 in
	namespaces:router) [ "$2" = east ] && echo east || echo west ;;
	vm:router) [ "$2" = east ] && echo eth0 || echo eth1 ;;
	vagrant:router) [ "$2" = east ] && echo eth1 || echo eth2 ;;
	vagrant:*) echo eth1 ;;
	*) echo eth0 ;;
	esac
}

# Where a process id is kept on the machine that has the process.
kept() {
	[ "$kind" = namespaces ] && echo "$work/$1.pid" || echo "/tmp/$lab.$1.pid"
}

# watch WHERE INTERFACE WORDS...: tcpdump in the background, WORDS being options and filter, until `seen` asks for its lines.
watch() {
	watched=$1 watching=$2
	shift 2
	rm -f "$work/seen.end"
	: >"$work/seen"
	{
		# shellcheck disable=SC2016 # the guest's shell
		on "$watched" sh -c 'echo $$ >"$0"; exec timeout "$@"' "$(kept watch)" \
			$patience tcpdump -i "$watching" -nn -l --immediate-mode "$@" >"$work/seen" 2>&1 || true
		: >"$work/seen.end"
	} &
	watcher=$!
	background="$background $watcher"
	tries=0
	until grep -q 'listening on' "$work/seen"; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 10)) ] || fail "tcpdump on $watched: $(cat "$work/seen")"
		sleep 0.1
	done
}

# Enough was sent: what has not come by now does not. Where it runs, not here: a tcpdump that only lost its reader would
# go on, and write into what the next one has seen.
unwatch() {
	sleep 0.3
	# shellcheck disable=SC2016 # the guest's shell
	on "$watched" sh -c 'kill $(cat "$0"); rm "$0"' "$(kept watch)" 2>/dev/null || true
}

# The lines of it. A watcher with -c N is waited for, so that none is missed; by its file, for this may be a subshell.
seen() {
	until [ -e "$work/seen.end" ]; do sleep 0.1; done
	grep -vE '^(tcpdump|listening on|[0-9]+ packets? |dropped privs)' "$work/seen" || true
}

# in_background WHERE COMMAND...: its output in $work/background; `ended` waits for it, `interrupted` does not.
in_background() {
	rm -f "$work/background.end"
	in_place=$1
	shift
	{
		# shellcheck disable=SC2016 # the guest's shell
		on "$in_place" sh -c 'echo $$ >"$0"; exec "$@"' "$(kept background)" "$@" >"$work/background" 2>&1 || true
		: >"$work/background.end"
	} &
	background="$background $!"
}

ended() {
	until [ -e "$work/background.end" ]; do sleep 0.1; done
	cat "$work/background"
}

interrupted() {
	# shellcheck disable=SC2016 # the guest's shell
	on "$in_place" sh -c 'kill -INT $(cat "$0"); rm "$0"' "$(kept background)"
	ended
}

# Of a ping in the background: how many were answered, and how many before the last of these were not.
answers() {
	grep -c 'icmp_seq=' "$work/background"
}
unanswered() {
	sed -n 's/.*icmp_seq=\([0-9]*\) .*/\1/p' "$work/background" | sort -n | awk '{ last = $1 } END { print last - NR }'
}

# On all nodes at once: what is changed there should not be changed here a while before.
on_nodes() {
	everywhere=''
	for node in $(nodes); do
		on "$node" "$@" &
		everywhere="$everywhere $!"
	done
	result=0
	for process in $everywhere; do wait "$process" || result=$?; done
	return $result
}

# A server for one transfer, in a workload, once it listens.
serve() {
	on "$1" sh -c 'iperf3 --server --one-off --daemon; until ss -Hltn sport = :5201 | grep -q .; do sleep 0.1; done'
}

nodes() {
	case $kind in
	vm) "$encap" lab vm status "$lab" -o json | grep -o '"name": "node-.' | sed 's/.*"node/node/' ;;
	vagrant) (cd "$experiments/.." && vagrant status --machine-readable | sed -n 's/.*,\(node-.\),state,running.*/\1/p') ;;
	*) find "$work/cluster" -name nodes.yaml -exec grep -ho '^    name: node-.$' {} + | sed 's/.*: //' ;;
	esac
}

# edit FILE SED: changes Calico resources, on every node where they lie; the agents see it.
edit() {
	edited=yes
	case $kind in
	namespaces) sed -i "$2" "$work/cluster/$1" ;;
	vm) # by the clock, which they have from this machine: to begin a command on each may take seconds
		at=$(($(date +%s) + 30))
		# shellcheck disable=SC2016 # of the guests
		on_nodes sh -c '[ "$(date +%s)" -lt "$1" ] || exit 1; until [ "$(date +%s)" -ge "$1" ]; do sleep 0.1; done; sed -i "$2" "$3"' \
			edit $at "$2" "/etc/encap/cluster.d/$1" || fail 'a change on all nodes at once: one was too late'
		;;
	*) on_nodes sed -i "$2" "/etc/encap/cluster.d/$1" ;;
	esac
}

# The folder of resources, and of the checkout, as a node sees them.
cluster() {
	[ "$kind" = namespaces ] && echo "$work/cluster" || echo /etc/encap/cluster.d
}
source_on() {
	[ "$kind" = vagrant ] && echo /opt/encapd-source || echo "$checkout"
}

# agent NODE kill|start|stop
agent() {
	case $kind:$2 in
	vagrant:start) on "$1" systemctl start encap ;;
	vagrant:stop) on "$1" systemctl stop encap ;;
	vagrant:kill) on "$1" systemctl kill --signal=KILL encap ;;
	*:start)
		restarted="$restarted $1" # the lab knows nothing of it
		# Ready is an agent that says so.
		on "$1" sh -c "setsid $(command_on) run -f $(cluster) --node $1 >/tmp/$lab-$1.log 2>&1 & until grep -q '\"msg\":\"ready\"' /tmp/$lab-$1.log; do sleep 0.1; done; rm /tmp/$lab-$1.log"
		;;
	*)
		signal=TERM pid=$(agent_pid "$1")
		[ "$2" = stop ] || signal=KILL
		[ -z "$pid" ] || on "$1" kill -"$signal" "$pid"
		while [ -n "$(agent_pid "$1")" ]; do sleep 0.1; done
		;;
	esac
}

agent_pid() {
	case $kind in
	vm) on "$1" pgrep -f '[m]ain.js run' || true ;; # emulated, `encap status` takes many seconds
	*) on "$1" "$(command_on)" status -o json | tr -d ' \n' | sed -n 's/.*"agent":{[^}]*"pid":\([0-9]*\).*/\1/p' ;;
	esac
}

# The command `encap`, as a node has it.
command_on() {
	[ "$kind" = namespaces ] && echo "$encap" || echo encap
}

# A kernel device in encapd's place on a node: kernel_device NODE OVERLAY
kernel_device() {
	agent "$1" stop
	on "$1" "$(command_on)" down --yes >/dev/null
	on "$1" "$(source_on)/vagrant/provision/devices" "$1" "$2"
}
