# shellcheck shell=sh
# The rules of redirect-linux.sh, as functions that print text; native/linux/container_rules.cc has the same for
# containers, change both. They read its options: `port`, `gid`, `ports`, `local_ports`, `quic`, and `bound`, which is
# `no` where the kernel cannot tell bound sockets from others.
#
# Left alone, so that they work as without us: what has our own group; connections with a firewall mark (SO_MARK or
# a rule's), because a mark leads them on a way of their own (Tailscale, WireGuard); sockets bound to a device
# (SO_BINDTODEVICE), which cannot reach loopback; the machine's own addresses, but for the ports of local models; and
# the networks of containers, see `nft_far_away`. Only the first packet of a connection counts: to a kernel that
# has not tracked connections so far, the next packet of any open connection is a new one.

# Sets `ways_out` to the devices of this network namespace with a default route (/proc/net/route,
# /proc/net/ipv6_route), and `bridges` to the names of those that container runtimes make (prefixes end in +) and of
# those that are there, but for a way out. Without a process of its own: on a busy machine each costs more than all the rest.
look_around() {
	ways_out='' bridges='' zeros=00000000000000000000000000000000
	while read -r device destination _ _ _ _ _ mask _; do
		[ "$destination$mask" = 0000000000000000 ] && add_way_out
	done </proc/net/route
	if [ -r /proc/net/ipv6_route ]; then
		while read -r destination length _ _ _ _ _ _ _ device; do
			[ "$destination$length" = "${zeros}00" ] && add_way_out
		done </proc/net/ipv6_route
	fi
	for name in docker0 docker_gwbridge br-+ podman+ cni+ lxcbr+ lxdbr+ incusbr+ virbr+; do
		case " $ways_out" in *" ${name%+} "*) continue ;; esac
		case $name:" $ways_out" in *+:*" ${name%+}"*) continue ;; esac
		bridges="$bridges $name"
	done
	[ -n "$ways_out" ] || return 0 # one that is there now may become one
	for name in /sys/class/net/*/bridge; do
		name=${name%/bridge} name=${name##*/}
		case " $ways_out$bridges * " in *" $name "*) ;; *) bridges="$bridges $name" ;; esac
	done
}

add_way_out() {
	case $device in lo | *[!A-Za-z0-9._-]*) return ;; esac # that of routes that lead nowhere
	case " $ways_out" in *" $device "*) ;; *) ways_out="$ways_out$device " ;; esac
}

# --- nft: one statement a line ------------------------------------------------------------------

# A socket bound to a device keeps it when its packet is sent to loopback, so that it would leave through the device.
# This is found out before anything is decided: `try` turns the first packet to loopback, by which the kernel looks
# for its way again; in `bound` the way is that of loopback, or else the packet gets its address back. Of the way, its
# MTU can be seen as `rt mtu`: that of loopback, less the headers, is 65495 (65535 at most, IP_MAX_MTU), or 65476 for
# IPv6, which is more than TCP can say, so that the kernel says 536 (net/netfilter/nft_rt.c).
nft_rules() {
	syn="tcp flags & (fin|syn|rst|ack) == syn"
	echo "add table inet oximy { flags owner; }"
	echo "add chain inet oximy output { type nat hook output priority -100; policy accept; }"
	if [ "$bound" = yes ]; then
		echo "add chain inet oximy try { type route hook output priority -104; policy accept; }"
		echo "add rule inet oximy try tcp flags & (fin|syn|rst|ack) != syn return"
		echo "add rule inet oximy try ct state != new return"
		nft_left_alone try
		nft_far_away try
		echo "add rule inet oximy try tcp dport { $ports } ip daddr set 127.0.0.1"
		echo "add rule inet oximy try tcp dport { $ports } ip6 daddr set ::1"
		tried4="tcp dport { $ports } $syn ip daddr 127.0.0.1 ct original ip daddr != 127.0.0.0/8"
		tried6="tcp dport { $ports } $syn ip6 daddr ::1 ct original ip6 daddr != ::1"
		echo "add chain inet oximy bound { type route hook output priority -103; policy accept; }"
		echo "add rule inet oximy bound $tried4 rt mtu != { 536, 65495, 65496$(loopback_mtu 40) } ip daddr set ct original ip daddr"
		echo "add rule inet oximy bound $tried6 rt mtu != { 536, 65475, 65476$(loopback_mtu 60) } ip6 daddr set ct original ip6 daddr"
		echo "add rule inet oximy output $tried4 redirect to :$port"
		echo "add rule inet oximy output $tried6 redirect to :$port"
	fi
	nft_left_alone output
	if [ -n "$local_ports" ]; then
		echo "add rule inet oximy output ip daddr 127.0.0.0/8 tcp dport { $local_ports } $syn redirect to :$port"
		echo "add rule inet oximy output ip6 daddr ::1 tcp dport { $local_ports } $syn redirect to :$port"
	fi
	if [ "$bound" = no ]; then
		nft_far_away output
		echo "add rule inet oximy output tcp dport { $ports } $syn redirect to :$port"
	fi
	[ "$quic" = allow ] && return
	# A reject reaches the sender at once, and it falls back to TCP; a drop would cost it a timeout.
	echo "add chain inet oximy quic { type filter hook output priority 0; policy accept; }"
	nft_left_alone quic
	nft_far_away quic
	echo "add rule inet oximy quic udp dport 443 reject"
}

nft_left_alone() { # CHAIN
	echo "add rule inet oximy $1 meta skgid $gid return"
	echo "add rule inet oximy $1 meta mark != 0 return"
}

# Where a machine's rules hide what comes out of a container's network behind another address, they would do so to
# what we turn back from it: the sender's address would be lost (Docker's `-s SUBNET ! -o BRIDGE -j MASQUERADE`).
nft_far_away() { # CHAIN
	echo "add rule inet oximy $1 fib daddr type { local, broadcast, multicast } return"
	if [ -n "$ways_out" ]; then
		echo "add rule inet oximy $1 meta oifkind \"bridge\" oifname != { $(quoted $ways_out) } return"
	else
		for name in $bridges; do
			case $name in *+) name=${name%+}* ;; esac
			echo "add rule inet oximy $1 oifname \"$name\" return"
		done
	fi
}

quoted() { # NAME…
	printf '"%s"' "$1" && shift
	[ $# = 0 ] || printf ', "%s"' "$@"
}

# `, N` when loopback has another MTU than the usual one.
loopback_mtu() { # HEADERS
	read -r mtu 2>/dev/null </sys/class/net/lo/mtu || return 0
	[ "$mtu" -gt 65535 ] || printf ', %d' $((mtu - $1))
}

# The kernel forgets the translation of live flows when its last user of connection tracking goes, and their
# clients would hang. This table matches nothing, and keeps connection tracking alive. Like the rules, it belongs to a
# process, so that `nft flush ruleset`, with which firewalls load their rules, leaves it there.
nft_keep_rules() { # TABLE
	echo "add table inet $1 { flags owner; }"
	echo "add chain inet $1 keep { type nat hook output priority 100; policy accept; }"
	echo "add rule inet $1 keep ct mark 0x6f78ffff return"
}

# --- iptables -----------------------------------------------------------------------------------

# Input of iptables-restore --noflush (4) or ip6tables-restore --noflush (6); atomic per table.
#
# Here a socket that is bound to a device is known by its first packet only after that was turned to loopback: it is
# dropped on its way out, and when the kernel sends it again after a second, the connection is left alone, which is
# what hashlimit remembers. Its table must not be full, or it would drop packets.
iptables_rules() { # FAMILY
	case $1 in
	4) loopback=127.0.0.0/8 kept=LOCAL,BROADCAST,MULTICAST ;;
	6) loopback=::1/128 kept=LOCAL,MULTICAST ;;
	esac
	again="-m hashlimit --hashlimit-above 1/minute --hashlimit-burst 1 --hashlimit-name oximy"
	again="$again --hashlimit-mode srcip,srcport,dstip,dstport --hashlimit-htable-max 1000000 --hashlimit-htable-expire 4000"
	echo "*nat"
	echo ":OXIMY_OUT - [0:0]"
	iptables_left_alone OXIMY_OUT
	for p in $(words "$local_ports"); do
		echo "-A OXIMY_OUT -d $loopback -p tcp --dport $p --syn -j REDIRECT --to-ports $port"
	done
	iptables_far_away OXIMY_OUT
	for p in $(words "$ports"); do
		[ "$bound" = no ] || echo "-A OXIMY_OUT -p tcp --dport $p --syn $again -j RETURN"
		echo "-A OXIMY_OUT -p tcp --dport $p --syn -j REDIRECT --to-ports $port"
	done
	echo "-I OUTPUT 1 -p tcp -j OXIMY_OUT"
	echo "COMMIT"
	if [ "$bound" = yes ]; then
		echo "*mangle"
		echo ":OXIMY_BOUND - [0:0]"
		echo "-A OXIMY_BOUND -d $loopback -p tcp --dport $port --syn -j DROP"
		echo "-I POSTROUTING 1 ! -o lo -p tcp -j OXIMY_BOUND"
		echo "COMMIT"
	fi
	[ "$quic" = allow ] && return
	echo "*filter"
	echo ":OXIMY_QUIC - [0:0]"
	iptables_left_alone OXIMY_QUIC
	iptables_far_away OXIMY_QUIC
	echo "-A OXIMY_QUIC -j REJECT"
	echo "-I OUTPUT 1 -p udp --dport 443 -j OXIMY_QUIC"
	echo "COMMIT"
}

# The same for both families; what names an address belongs to `iptables_far_away`.
iptables_left_alone() { # CHAIN
	echo "-A $1 -m owner --gid-owner $gid -j RETURN"
	echo "-A $1 -m mark ! --mark 0 -j RETURN"
}

iptables_far_away() { # CHAIN
	echo "-A $1 -m addrtype --dst-type $kept -j RETURN"
	for name in $bridges; do echo "-A $1 -o $name -j RETURN"; done
}
