# SPDX-License-Identifier: Apache-2.0
# Parts of the torture, each a function. A part says "<part> ok <what it did>", "<part> absent <why>" where this
# kernel or machine has nothing of the kind, or "<part> failed <why>". The kernel's messages are on
# the console; the test that booted this guest examines them.

D=/sys/kernel/debug
T=/sys/kernel/tracing

ok() { say "$part ok $*"; }
absent() { say "$part absent $*"; }
failed() { say "$part failed $*"; }

# Something of everything: files, processes, pipes, sockets, timers.
work() {
	for i in 1 2 3; do
		dd if=/dev/zero of=/tmp/work bs=64k count=16 2>/dev/null
		md5sum /tmp/work >/dev/null
		ls -lR /sys/bus >/dev/null 2>&1
		cat /proc/interrupts /proc/meminfo | sort >/dev/null
		usleep 2000
	done
	rm /tmp/work
}

# ---- All memory three ways, three times ----

part_memory() {
	mkdir -p /fill
	echo 256 >/proc/sys/vm/min_free_kbytes
	echo 0 >/proc/sys/vm/watermark_boost_factor 2>/dev/null
	echo "0 0 0 0" >/proc/sys/vm/lowmem_reserve_ratio
	echo 1000000000 >/proc/sys/net/unix/max_dgram_qlen 2>/dev/null
	done=
	for turn in 1 2 3; do
		mount -t tmpfs -o size=100% none /fill
		for way in tmpfs anonymous slab; do
			if ! words=$(/helper $way 2>&1); then
				failed "$way: $words"
				return
			fi
			done="$done $words,"
			echo 3 >/proc/sys/vm/drop_caches
		done
		umount /fill
	done
	ok "$done"
}

# ---- Processors ----

part_cpus() {
	count=0
	for turn in 1 2 3; do
		for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
			[ -w $cpu/online ] || continue
			if [ $(cat $cpu/online) = 1 ]; then
				echo 0 >$cpu/online || { failed "$cpu stays on"; return; }
			fi
			# With maxcpus=1 this is where a kernel for one CPU becomes one for two.
			echo 1 >$cpu/online || { failed "$cpu does not come"; return; }
			count=$((count + 1))
		done
		work
	done
	if [ $count = 0 ]; then absent "one processor"; else ok "$count times on"; fi
}

# ---- Static keys that user space can turn ----

key() {
	name=$1
	shift
	if "$@" >/dev/null 2>/tmp/error; then keys="$keys $name"; else missing="$missing $name"; fi
}

turn_file() { [ -w "$1" ] && echo 1 >"$1" && work && echo 0 >"$1"; }
turn_dyndbg() {
	[ -w /proc/dynamic_debug/control ] || return
	old=$(cat /proc/sys/kernel/printk)
	echo 1 >/proc/sys/kernel/printk
	echo 'file drivers/* +p' >/proc/dynamic_debug/control && work
	echo 'file drivers/* -p' >/proc/dynamic_debug/control
	echo "$old" >/proc/sys/kernel/printk
}
turn_cgroups() {
	mkdir -p /cgroup
	mount -t cgroup2 none /cgroup || return
	for controller in cpu cpuset memory pids; do
		echo +$controller >/cgroup/cgroup.subtree_control 2>/dev/null
	done
	mkdir /cgroup/a
	echo "5000 10000" >/cgroup/a/cpu.max
	echo 64M >/cgroup/a/memory.max
	echo 0 >/cgroup/a/cpuset.cpus
	sh -c 'echo $$ >/cgroup/a/cgroup.procs; exec ls -lR /sys/bus' >/dev/null
	rmdir /cgroup/a
	umount /cgroup
}
turn_rps() {
	echo 3 >/sys/class/net/lo/queues/rx-0/rps_cpus && ifconfig lo 127.0.0.1 up && ping -c 1 127.0.0.1
	echo 0 >/sys/class/net/lo/queues/rx-0/rps_cpus
}
turn_rfs() {
	echo 128 >/proc/sys/net/core/rps_sock_flow_entries && work
	echo 0 >/proc/sys/net/core/rps_sock_flow_entries
}

part_keys() {
	keys= missing=
	for turn in 1 2; do
		key schedstats turn_file /proc/sys/kernel/sched_schedstats
		key bpf-stats turn_file /proc/sys/kernel/bpf_stats_enabled
		key delay-accounting turn_file /proc/sys/kernel/task_delayacct
		key all-tracepoints turn_file $T/events/enable
		key syscall-tracepoints turn_file $T/events/syscalls/enable
		key perf /helper perf
		key netfilter /helper filter
		key packet-stamps /helper stamp
		key cgroups turn_cgroups
		key dyndbg turn_dyndbg
		key rps turn_rps
		key rfs turn_rfs
	done
	ok "$(echo $keys | tr ' ' '\n' | sort -u | tr '\n' ' ')without: $(echo $missing | tr ' ' '\n' | sort -u | tr '\n' ' ')"
}

# ---- Tracers ----

part_tracer() {
	[ -w $T/current_tracer ] || { absent "no ftrace"; return; }
	grep -q function $T/available_tracers || { absent "no function tracer"; return; }
	for tracer in function function_graph; do
		grep -q $tracer $T/available_tracers || continue
		echo $tracer >$T/current_tracer || { failed $tracer; return; }
		work
		[ -r $J/amd-vi/state ] && cat $J/*/gate_calls >/dev/null
		echo nop >$T/current_tracer
	done
	for name in $FREED; do
		if grep -qw "^$name" $T/available_filter_functions; then failed "$name can still be traced"; return; fi
	done
	grep -qw "^$RESIDENT" $T/available_filter_functions || { failed "$RESIDENT cannot be traced"; return; }
	ok "$(wc -l <$T/available_filter_functions) functions"
}

# ---- Probes ----

# A worker makes the tracer's files. An event that is added meanwhile gets none on two processors, or is refused.
wait_for_events() {
	for wait in $(seq 500); do
		[ -w $T/set_event ] && break
		usleep 200000
	done
}

# In $ARMED and at RESIDENT there are kprobes, and the function tracer, from the command line on.
part_armed() {
	[ -w $T/kprobe_events ] || { absent "no kprobe events"; return; }
	wait_for_events
	work
	killed=0
	for name in $ARMED; do
		grep -qw "kprobes/$name" $T/kprobe_events || { failed "no probe was set at $name"; return; }
		case " $FREED " in
		*" $name "*)
			if grep -qw "^$name" $T/set_ftrace_filter; then failed "$name is still traced"; return; fi
			killed=$((killed + 1))
			;;
		esac
	done
	echo '!kprobes:*' >>$T/set_event || { failed "the probes stay"; return; }
	# Killed, and now off as well: one line of the list is one probe.
	gone=$(grep -c '\[GONE\]' $D/kprobes/list)
	hits=$(awk '$1 == "'$RESIDENT'" { print $2 }' $T/kprobe_profile)
	grep -qw "^$RESIDENT" $T/set_ftrace_filter || { failed "$RESIDENT is not traced"; return; }
	lines=$(grep -c $RESIDENT $T/trace)
	echo nop >$T/current_tracer
	echo >$T/set_ftrace_filter
	echo >$T/kprobe_events || { failed "probes cannot be taken away"; return; }
	[ $killed = $gone ] || { failed "$killed were set in what is gone, $gone were killed"; return; }
	[ "${hits:-0}" -gt 0 ] || { failed "no hits at $RESIDENT"; return; }
	[ $lines -gt 0 ] || { failed "$RESIDENT left no trace"; return; }
	ok "$gone killed, $hits hits at $RESIDENT"
}

part_kprobes() {
	[ -w $T/kprobe_events ] || { absent "no kprobe events"; return; }
	wait_for_events
	[ -r $D/kprobes/list ] || { failed "no list of probes"; return; }
	refused=0
	for name in $FREED; do
		for probe in "p:freed $name" "r:freed $name" "p:freed $name+4"; do
			# A kernel without modules takes the event, for a module to come, and sets no probe.
			if echo "$probe" >$T/kprobe_events 2>/dev/null; then
				echo 1 >$T/events/kprobes/freed/enable 2>/dev/null
				if grep -qw "$name" $D/kprobes/list; then failed "a probe at $name, which is gone"; return; fi
				echo 0 >$T/events/kprobes/freed/enable
			fi
			echo >$T/kprobe_events
			refused=$((refused + 1))
		done
	done
	if ! echo "p:resident $RESIDENT" 2>/tmp/error >$T/kprobe_events; then
		failed "no probe at $RESIDENT: $(cat /tmp/error) $(tail -n 3 $T/error_log | tr '\n' ' ')"
		return
	fi
	echo 1 >$T/events/kprobes/resident/enable
	grep -qw $RESIDENT $D/kprobes/list || { failed "the probe at $RESIDENT is not in the list"; return; }
	work
	hits=$(awk '$1 == "resident" { print $2 }' $T/kprobe_profile)
	echo 0 >$T/events/kprobes/resident/enable
	echo >$T/kprobe_events
	if [ "${hits:-0}" -gt 0 ]; then ok "$refused refused, $hits hits at $RESIDENT"; else failed "no hits"; fi
}

part_fentry() {
	[ -r /sys/kernel/btf/vmlinux ] || { absent "no BTF"; return; }
	words=$(/helper fentry $RESIDENT 2>&1) || { failed "$RESIDENT: $words"; return; }
	refused=0
	for name in $FREED; do
		words=$(/helper fentry $name 2>&1)
		case $? in
		0) failed "$name, which is gone, can be attached to"; return ;;
		2) continue ;;
		esac
		refused=$((refused + 1))
	done
	if [ $refused -gt 0 ]; then ok "$refused refused ($words)"; else failed "BTF has none of $FREED"; fi
}

# ---- Live patches ----

# A patch of what is gone is refused. One of what stays is put in place, and taken away again.
part_livepatch() {
	[ -d /sys/kernel/livepatch ] || { absent "no live patches"; return; }
	refused=0
	for name in $FREED; do
		if insmod /patches.ko function=$name 2>/dev/null; then failed "$name, which is gone, is patched"; return; fi
		refused=$((refused + 1))
	done
	[ -n "$(cat /proc/cmdline)" ] || { failed "no command line"; return; }
	insmod /patches.ko function=cmdline_proc_show || { failed "cmdline_proc_show cannot be patched"; return; }
	[ -z "$(cat /proc/cmdline)" ] || { failed "cmdline_proc_show is as before"; return; }
	echo 0 >/sys/kernel/livepatch/patches/enabled
	for wait in $(seq 100); do
		[ -e /sys/kernel/livepatch/patches ] || break
		usleep 200000
	done
	rmmod patches || { failed "the patch stays"; return; }
	[ -n "$(cat /proc/cmdline)" ] || { failed "cmdline_proc_show is still patched"; return; }
	ok "$refused refused"
}

# ---- Tables ----

# Everything that lists or shows code and its strings is read to its end.
part_tables() {
	count=0 missing=
	for table in /proc/kallsyms $D/printk/index/vmlinux /proc/dynamic_debug/control $D/error_injection/list \
		$D/kprobes/blacklist $T/available_filter_functions $T/available_events $T/printk_formats; do
		[ -r $table ] || { missing="$missing $table"; continue; }
		lines=$(wc -l <$table) || { failed "$table"; return; }
		[ $lines -gt 0 ] || { failed "$table is empty"; return; }
		count=$((count + 1))
	done
	if [ -r /proc/kcore ]; then
		# What is gone is read as zeros.
		image=$(/helper image $(look $J/pages) 2>&1) || { failed "$image"; return; }
	else
		missing="$missing /proc/kcore"
	fi
	ok "$count lists, image ${image:-not read}, without:$missing"
}

# Every file that can be read. None calls anything that leaves, unless the manifest expects the call.
part_files() {
	before=$(look $J/gate_calls)
	words=$(/helper files /sys /proc/sys 2>&1) || { failed "$words"; return; }
	calls=$(($(look $J/gate_calls) - before))
	if [ $calls = 0 ]; then ok "$words"; else failed "$words, $calls calls of gates"; fi
}

# ---- Sleep ----

part_sleep() {
	grep -q freeze /sys/power/state 2>/dev/null || { absent "no suspend"; return; }
	grep -q s2idle /sys/power/mem_sleep || { absent "no suspend to idle"; return; }
	how="woken by the power button"
	if grep -qs xen /sys/hypervisor/type; then
		# Linux lets no interrupt that comes through Xen wake it, and warns of that after (jettison=off, too).
		how="devices only"
		[ -w /sys/power/pm_test ] || { absent "no way to stop before the platform"; return; }
		echo devices >/sys/power/pm_test
	fi
	for turn in 1 2; do
		# The one who watches presses it in a moment.
		[ "$how" = "devices only" ] || say "please wake"
		echo freeze >/sys/power/state || { failed "freeze"; return; }
		work
	done
	ok "twice, $how"
}

# ---- Devices ----

part_pci() {
	count=0
	for turn in 1 2 3; do
		for device in /sys/bus/pci/devices/*; do
			# Ethernet controllers: nothing here depends on them.
			[ "$(look $device/class)" = 0x020000 ] || continue
			echo 1 >$device/remove
			[ -e $device ] && { failed "$device stays"; return; }
			echo 1 >/sys/bus/pci/rescan
			[ -e $device ] || { failed "$device does not come back"; return; }
			count=$((count + 1))
		done
		work
	done
	if [ $count = 0 ]; then absent "no card to remove"; else ok "$count times"; fi
}

# The one who watches plugs a network card in, and out again, when asked.
part_hotplug() {
	[ -d /sys/bus/pci/slots ] && [ -n "$(ls /sys/bus/pci/slots)" ] || { absent "no slots"; return; }
	before=$(ls /sys/bus/pci/devices | wc -l)
	for turn in 1 2; do
		for change in plug unplug; do
			say "please $change"
			wanted=$before
			[ $change = plug ] && wanted=$((before + 1))
			for wait in $(seq 100); do
				[ $(ls /sys/bus/pci/devices | wc -l) = $wanted ] && break
				usleep 200000
			done
			[ $(ls /sys/bus/pci/devices | wc -l) = $wanted ] || { failed "$change"; return; }
		done
	done
	ok "twice"
}

# ---- Devices for user space ----

# Gives a device's group to user space, as $1 of VFIO's IOMMUs: 1 with an IOMMU or for a mediated device, 8 without.
take() {
	group=$(basename $(readlink $2/iommu_group))
	path=/dev/vfio/$group
	[ $1 = 8 ] && path=/dev/vfio/noiommu-$group
	/helper device $path $(basename $2) $1 2>&1
}

part_vfio() {
	[ -e /dev/vfio/vfio ] || { absent "no VFIO"; return; }
	done=
	unsafe=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
	for turn in 1 2; do
		for device in /sys/bus/pci/devices/*; do
			[ "$(look $device/class)" = 0x020000 ] || continue
			kind=1
			if [ ! -e $device/iommu_group ]; then
				kind=8
				echo 1 >$unsafe || { failed "no mode without an IOMMU"; return; }
			fi
			driver=$(basename $(readlink $device/driver))
			name=$(basename $device)
			echo vfio-pci >$device/driver_override
			echo $name >$device/driver/unbind
			echo $name >/sys/bus/pci/drivers_probe
			words=$(take $kind $device) || { failed "$name, $kind: $words"; return; }
			done="$done $name $words of $driver $([ $kind = 8 ] && echo without || echo with) an IOMMU,"
			echo $name >$device/driver/unbind
			echo >$device/driver_override
			echo $name >/sys/bus/pci/drivers_probe
			[ "$(basename $(readlink $device/driver))" = $driver ] || { failed "$driver is not back"; return; }
			[ -e $unsafe ] && echo 0 >$unsafe
		done
		# A device that is made of software has a group without an IOMMU.
		[ -e /mtty.ko ] || continue
		insmod /mdev.ko && insmod /mtty.ko || { failed "mtty"; return; }
		one=00000000-0000-0000-0000-00000000000$turn
		for create in /sys/class/mdev_bus/mtty/mdev_supported_types/*-1/create; do echo $one >$create; done
		words=$(take 1 /sys/bus/mdev/devices/$one) || { failed "mtty: $words"; return; }
		done="$done mtty $words,"
		echo 1 >/sys/bus/mdev/devices/$one/remove
		rmmod mtty && rmmod mdev || { failed "mtty stays"; return; }
	done
	if [ -n "$done" ]; then ok "$done"; else absent "no card to hand on"; fi
}

part_kvm() {
	[ -e /dev/kvm ] || { absent "no KVM"; return; }
	words=$(/helper machine 2>&1) || { failed "$words"; return; }
	ok "$words"
}

# ---- Modules ----

part_modules() {
	grep -q . /proc/modules 2>/dev/null || [ -e /proc/modules ] || { absent "no modules"; return; }
	for turn in 1 2 3 4 5; do
		insmod /harmless.ko || { failed insmod; return; }
		rmmod harmless || { failed rmmod; return; }
	done
	ok "five times"
}

# ---- Leaks ----

part_leaks() {
	[ -w $D/kmemleak ] || { absent "no kmemleak"; return; }
	# What is only held in a register at one look is held in memory at the next.
	for turn in 1 2; do
		sleep 6
		echo scan >$D/kmemleak
	done
	leaks=$(grep -c '^unreferenced object' $D/kmemleak)
	if [ $leaks = 0 ]; then ok "none"; else cat $D/kmemleak; failed "$leaks"; fi
}

mount -t tracefs none $T 2>/dev/null
say "gone $(grep -l jettisoned $J/*/state 2>/dev/null | sed 's#.*/\(.*\)/state#\1#' | tr '\n' ' ')pages $(look $J/pages)"
for part in $PARTS; do part_$part; done
say "gate calls $(look $J/gate_calls)"
say "tainted $(cat /proc/sys/kernel/tainted)"
