#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Describes a Linux machine to "jettison predict": one line of JSON, whose form is docs/profile.md.
#
#   profile.sh [--root DIR] [--acpidump FILE] [--name NAME]
#
# --root DIR       reads a saved tree (a copied /proc and /sys, an sos report) instead of this machine
# --acpidump FILE  takes the ACPI tables from the output of acpidump, binary or text; without --root, nothing else is read
# --name NAME      what the machine is to be called; nothing of the machine is used for that
#
# It needs a POSIX shell, awk, od, find, grep, head and sort; busybox has them. It changes nothing. Root can read more
# than others can; what could not be read is listed under "unreadable". No serial number, no UUID, no address of memory,
# network or storage is printed: a fact is printed only where this script names it.
set -u
export LC_ALL=C

root='' dump='' name='' live=yes acpi_only=''
usage() {
	echo "profile: $1" >&2
	echo "usage: profile.sh [--root DIR] [--acpidump FILE] [--name NAME]" >&2
	exit 2
}
while [ $# -gt 0 ]; do
	case $1 in
	--root | --acpidump | --name) [ $# -ge 2 ] || usage "$1 needs a value" ;;
	*) usage "there is no option $1" ;;
	esac
	case $1 in
	--root) root=${2%/} live= ;;
	--acpidump) dump=$2 ;;
	--name) name=$2 ;;
	esac
	shift 2
done
if [ -z "$live" ] && [ ! -d "$root/" ]; then usage "$root is no folder"; fi
if [ -n "$dump" ] && [ ! -r "$dump" ]; then usage "$dump cannot be read"; fi
if [ -n "$dump" ] && [ -n "$live" ]; then acpi_only=yes live=; fi

# Every fact is a line: key, tab, value. The last program here makes JSON of them.
fact() { printf '%s\t%s\n' "$1" "$2"; }

# A file's first line as a fact.
first_line() {
	[ -r "$2" ] || return 0
	IFS= read -r line <"$2" 2>/dev/null || [ -n "${line:-}" ] || return 0
	fact "$1" "$line"
}

# The lines of the kernel's log since it booted, where they can be had.
boot_log() {
	if [ -n "$live" ]; then dmesg 2>/dev/null; fi
	for file in "$root/var/log/dmesg" "$root/sos_commands/kernel/dmesg"; do
		if [ -z "$live" ] && [ -r "$file" ]; then cat "$file"; fi
	done
	return 0
}

cpu() {
	[ -r "$root/proc/cpuinfo" ] || { fact unreadable cpu; return 0; }
	awk -F '[ \t]*: ?' '
		$1 == "processor" { count++ }
		count > 1 { next }
		$1 == "vendor_id" { print "cpu.vendor\t" $2 }
		$1 == "cpu family" { print "cpu.family\t" $2 }
		$1 == "model" { print "cpu.model\t" $2 }
		$1 == "stepping" { print "cpu.stepping\t" $2 }
		$1 == "model name" { print "cpu.name\t" $2 }
		$1 == "flags" { print "cpu.flags\t" $2 }
		$1 == "bugs" { print "cpu.bugs\t" $2 }
		END { print "cpu.count\t" count + 0 }
	' "$root/proc/cpuinfo"
}

# "Hypervisor detected: KVM", and its like.
hypervisor_called() {
	case $1 in
	*KVM* | kvm) echo kvm ;;
	*Microsoft* | microsoft) echo hyperv ;;
	*VMware* | vmware) echo vmware ;;
	*"Xen PV"*) echo xen-pv ;;
	*"Xen HVM"*) echo xen-hvm ;;
	?*) echo other ;;
	esac
}

# Which one Linux would detect: it asks CPUID, which no file shows, so what has asked before is asked here.
hypervisor() {
	if [ -r "$root/sys/hypervisor/type" ] && [ "$(cat "$root/sys/hypervisor/type")" = xen ]; then
		case $(cat "$root/sys/hypervisor/guest_type" 2>/dev/null) in
		PV) echo xen-pv ;;
		PVH) echo xen-pvh ;;
		HVM) echo xen-hvm ;;
		esac
		return 0
	fi
	[ -r "$root/proc/cpuinfo" ] || return 0
	if ! grep '^flags' "$root/proc/cpuinfo" | head -n 1 | grep -qw hypervisor; then
		# Linux looks for a hypervisor only where CPUID says that there is one.
		if grep -q '^flags' "$root/proc/cpuinfo"; then echo none; fi
		return 0
	fi
	log=$(boot_log | grep -e 'Linux version ' -e 'Hypervisor detected: ' -e 'Booting paravirtualized kernel on ')
	found=$(printf '%s\n' "$log" | sed -n 's/.*Hypervisor detected: //p' | head -n 1)
	if [ -n "$found" ]; then hypervisor_called "$found"; return 0; fi
	case $log in
	*"Linux version "*"on bare hardware"*)
		# This kernel found none; that counts if it looks for all of them.
		if [ -r "$root/proc/kallsyms" ] && [ "$(grep -c -w -e kvm_init_platform -e ms_hyperv_init_platform \
			-e xen_hvm_guest_init -e vmware_platform_setup "$root/proc/kallsyms")" -ge 4 ]; then
			echo other
			return 0
		fi
		;;
	esac
	clocks=$root/sys/devices/system/clocksource/clocksource0/available_clocksource
	case $(cat "$clocks" 2>/dev/null) in
	*kvm-clock*) echo kvm; return 0 ;;
	*hyperv_clocksource*) echo hyperv; return 0 ;;
	esac
	seen=
	if [ -n "$live" ]; then
		seen=$(lscpu 2>/dev/null)
	elif [ -r "$root/sos_commands/processor/lscpu" ]; then
		seen=$(cat "$root/sos_commands/processor/lscpu")
	fi
	case $(printf '%s\n' "$seen" | sed -n 's/^Hypervisor vendor: *//p') in
	KVM) echo kvm ;;
	Microsoft) echo hyperv ;;
	VMware) echo vmware ;;
	esac
}

# Words of the command line that decide what is found or used; all others stay here, as they may name disks and networks.
command_line() {
	[ -r "$root/proc/cmdline" ] || { fact unreadable commandLine; return 0; }
	tr ' ' '\n' <"$root/proc/cmdline" | while IFS= read -r word; do
		case $word in
		acpi=* | acpi_rsdp | amd_iommu=* | amd_iommu_intr=* | intel_iommu=* | iommu=* | iommu.* | intremap=* | \
			swiotlb=* | pci=no* | nopv | nopvspin | xen_nopv* | no-kvmclock | mem=* | pti=* | nopti | mitigations=* | \
			rodata=* | maxcpus=* | nosmp | noapic | nolapic | nox2apic | noapictimer | hyperv* | \
			jettison=* | jettison.keep=* | jettison.drop=* | jettison.padding=* | jettison.hotplug=* | \
			jettison.exit=* | jettison.scan=*)
			fact commandLine "$word"
			;;
		esac
	done
}

dmi() {
	for folder in "$root/sys/class/dmi/id" "$root/sys/devices/virtual/dmi/id"; do
		[ -d "$folder" ] || continue
		first_line dmi.sysVendor "$folder/sys_vendor"
		first_line dmi.productName "$folder/product_name"
		first_line dmi.productFamily "$folder/product_family"
		first_line dmi.boardVendor "$folder/board_vendor"
		first_line dmi.boardName "$folder/board_name"
		first_line dmi.biosVendor "$folder/bios_vendor"
		first_line dmi.biosVersion "$folder/bios_version"
		first_line dmi.chassisType "$folder/chassis_type"
		return 0
	done
	fact unreadable dmi
}

# The names by which devices find their drivers. DMI's is made of all names of the computer and is left out.
devices() {
	if [ -d "$root/sys/devices" ]; then
		find "$root/sys/devices" -name modalias -exec cat {} + 2>/dev/null | grep -v '^dmi:' | sort -u |
			while IFS= read -r alias; do fact device "$alias"; done
		fact devices yes
		return 0
	fi
	for file in "$root"/sos_commands/pci/lspci_-nn*; do
		[ -r "$file" ] || continue
		sed -n 's/^[0-9a-f:.]* .*\[\([0-9a-f]\{4\}\)\]: .*\[\([0-9a-f]\{4\}\):\([0-9a-f]\{4\}\)\].*/\2 \3/p' "$file" |
			tr abcdef ABCDEF | sort -u | while read -r vendor device; do
			fact device "pci:v0000${vendor}d0000${device}"
		done
		fact devices yes
		return 0
	done
	fact unreadable devices
}

count_of() {
	count=0
	for one; do if [ -e "$one" ]; then count=$((count + 1)); fi; done
	echo "$count"
}

hotplug() {
	[ -d "$root/sys/bus" ] || return 0
	fact hotplug.pciSlots "$(count_of "$root"/sys/bus/pci/slots/*)"
	fact hotplug.pciePorts "$(count_of "$root"/sys/bus/pci_express/devices/*:pcie*04)"
	fact hotplug.thunderbolt "$(count_of "$root"/sys/bus/thunderbolt/devices/domain*)"
	first_line hotplug.cpusPossible "$root/sys/devices/system/cpu/possible"
	first_line hotplug.cpusPresent "$root/sys/devices/system/cpu/present"
}

# Sizes by kind, and how far from 0 memory reaches. Only root sees addresses in iomem; zoneinfo has the reach as well.
memory() {
	if [ -r "$root/proc/meminfo" ]; then
		awk '$1 == "MemTotal:" { printf "memory.total\t%.0f\n", $2 * 1024 }' "$root/proc/meminfo"
	fi
	sizes=
	if [ -r "$root/proc/iomem" ]; then
		sizes=$(awk '
			function hex(text,   i, value) {
				for (i = 1; i <= length(text); i++)
					value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
				return value
			}
			/^[0-9a-f]+-[0-9a-f]+ : / {
				split($1, range, "-")
				end = hex(range[2])
				if (end == 0) next
				kind = substr($0, index($0, " : ") + 3)
				bytes[kind] += end + 1 - hex(range[1])
				if (kind == "System RAM" && end + 1 > span) span = end + 1
			}
			END {
				if (!span) exit
				printf "memory.span\t%.0f\n", span
				split("System RAM/Reserved/ACPI Tables/ACPI Non-volatile Storage/Persistent Memory/Soft Reserved", known, "/")
				for (i = 1; i in known; i++)
					if (known[i] in bytes) printf "iomem\t%s\t%.0f\n", known[i], bytes[known[i]]
			}
		' "$root/proc/iomem")
	fi
	if [ -n "$sizes" ]; then
		printf '%s\n' "$sizes"
	elif [ -r "$root/proc/zoneinfo" ]; then
		awk '
			$1 == "spanned" { spanned = $2 }
			$1 == "present" { present = $2 }
			$1 == "start_pfn:" && present > 0 { if ($2 + spanned > span) span = $2 + spanned }
			END { if (span) printf "memory.span\t%.0f\n", span * 4096; else print "unreadable\tmemory" }
		' "$root/proc/zoneinfo"
	else
		fact unreadable memory
	fi
}

# ACPI tables, as bytes in decimal, to facts. A table is told from the next by its length, or by a line "table".
# Counts the units of each kind in DMAR and IVRS, and leaves out where they are.
decode_tables() {
	awk '
		function u16(at) { return b[at] + 256 * b[at + 1] }
		function u32(at) { return u16(at) + 65536 * u16(at + 2) }
		function id(at, length_,   i, end, out) {
			end = at + length_
			while (end > at && (b[end - 1] == 0 || b[end - 1] == 32)) end--
			out = ""
			for (i = at; i < end; i++) out = out (b[i] < 32 || b[i] > 126 || b[i] == 34 || b[i] == 92 ? \
				sprintf("\\u%04x", b[i]) : sprintf("%c", b[i]))
			return "\"" out "\""
		}
		# A base of 0 or of all ones is a defect of the firmware.
		function is_bad(at,   i, zero, ones) {
			for (i = at; i < at + 8; i++) { zero += b[i] == 0; ones += b[i] == 255 }
			return zero == 8 || ones == 8
		}
		function dmar(   at, size, type, counts, all, bad, odd) {
			for (at = 48; at + 4 <= n; at += size) {
				type = u16(at); size = u16(at + 2)
				if (size < 4 || at + size > n) { odd = 1; break }
				counts[type]++
				if (type == 0 && size >= 16) {
					if (b[at + 4] % 2) all = 1
					bad += is_bad(at + 8)
				}
			}
			printf "acpi.dmar\t{\"rev\":%d,\"flags\":%d,\"hostAddressWidth\":%d,\"drhdCount\":%d,\"includeAll\":%s", \
				b[8], b[37], b[36] + 1, counts[0], (all ? "true" : "false")
			printf ",\"rmrrCount\":%d,\"atsrCount\":%d,\"rhsaCount\":%d,\"anddCount\":%d,\"satcCount\":%d,\"sidpCount\":%d", \
				counts[1], counts[2], counts[3], counts[4], counts[5], counts[6]
			printf "%s%s}\n", (bad ? ",\"drhdBadBase\":" bad : ""), (odd ? ",\"malformed\":true" : "")
		}
		function ivrs(   at, size, type, key, i, units, seen, ivhds, ivmds, types, others, odd, efr) {
			for (at = 48; at + 4 <= n; at += size) {
				type = b[at]; size = u16(at + 2)
				if (size < 4 || at + size > n) { odd = 1; break }
				if (type == 16 || type == 17 || type == 64) {
					types = types (ivhds++ ? "," : "") sprintf("\"0x%x\"", type)
					key = ""
					for (i = at + 4; i < at + 18; i++) if (i != at + 6 && i != at + 7) key = key " " b[i]
					if (!(key in seen)) { seen[key] = 1; units++ }
				} else if (type >= 32 && type <= 34) ivmds++
				else others = others (others == "" ? "" : ",") type
			}
			printf "acpi.ivrs\t{\"rev\":%d,\"ivInfo\":%.0f,\"ivhdCount\":%d,\"ivhdTypes\":[%s],\"iommuCount\":%d,\"ivmdCount\":%d", \
				b[8], u32(36), ivhds, types, units, ivmds
			printf "%s%s}\n", (others == "" ? "" : ",\"otherTypes\":[" others "]"), (odd ? ",\"malformed\":true" : "")
		}
		function fadt() {
			printf "acpi.fadt\t{\"rev\":%d,\"pmProfile\":%d,\"bootArch\":%s,\"hwReduced\":%s}\n", b[8], b[45], \
				(b[8] < 2 || n < 111 ? "null" : u16(109) ""), (n >= 116 && int(b[114] / 16) % 2 ? "true" : "false")
		}
		function madt(   at, size, seen, cpus, x2, x2cpus) {
			for (at = 44; at + 2 <= n; at += size) {
				size = b[at + 1]
				if (size < 2 || at + size > n) break
				if (b[at] == 0 && b[at + 4] % 2 && b[at + 3] != 255 && !seen[b[at + 3]]++) cpus++
				if (b[at] == 9) { x2 = 1; if (b[at + 8] % 2) { x2cpus++; if (!seen[u32(at + 4)]++) cpus++ } }
			}
			printf "acpi.madt\t{\"cpus\":%d,\"x2apic\":%s,\"x2apicCpus\":%d}\n", cpus, (x2 ? "true" : "false"), x2cpus
		}
		function finish(   sig) {
			if (n < 8) { n = 0; return }
			sig = sprintf("%c%c%c%c", b[0], b[1], b[2], b[3])
			if (sig ~ /^[A-Z0-9_!]+$/) {
				found = 1
				printf "acpi.table\t{\"sig\":\"%s\",\"oemId\":%s,\"oemTableId\":%s,\"rev\":%s,\"length\":%.0f}\n", sig, \
					(sig == "FACS" || n < 36 ? "null" : id(10, 6)), (sig == "FACS" || n < 36 ? "null" : id(16, 8)), \
					(sig == "FACS" ? "null" : b[8] ""), u32(4)
				if (sig == "FACP") complete = 1
				if (n >= u32(4)) {
					if (sig == "DMAR" && n >= 48) dmar()
					if (sig == "IVRS" && n >= 48) ivrs()
					if (sig == "FACP" && n >= 46) fadt()
					if (sig == "APIC" && n >= 44) madt()
				}
			}
			n = 0
		}
		$1 == "table" { finish(); next }
		{
			for (field = 1; field <= NF; field++) {
				b[n++] = $field + 0
				# RSDP has no length where the others have theirs, and a pointer of 20 or 36 bytes is all there is.
				if (n == 20 && b[0] == 82 && b[1] == 83 && b[2] == 68 && b[3] == 32) { skip = b[15] < 2 ? 0 : 16; n = 0; continue }
				if (skip) { skip--; n = 0; continue }
				if (n >= 8 && n == u32(4) && n >= 36) finish()
			}
		}
		# Without tables nothing is known, not even that there are none; every machine with ACPI has FACP.
		END { finish(); if (found) print "acpi\t" (complete ? "true" : "false"); else print "unreadable\tacpi" }
	'
}

# "DMAR @ 0x7FF0000", then lines "0000: 44 4D 41 52 ...  DMAR...": to what decode_tables() reads.
text_to_bytes() {
	awk '
		/^.... @ 0x/ || /^[A-Z ]+ @ 0x/ { print "table"; next }
		match($0, /^ *[0-9A-Fa-f]+: /) {
			rest = substr($0, RLENGTH + 1)
			if (match(rest, /  /)) rest = substr(rest, 1, RSTART)
			rest = toupper(substr(rest, 1, 48))
			count = split(rest, digits, " ")
			line = ""
			for (i = 1; i <= count && i <= 16; i++)
				line = line " " 16 * (index("0123456789ABCDEF", substr(digits[i], 1, 1)) - 1) + \
					index("0123456789ABCDEF", substr(digits[i], 2, 1)) - 1
			print line
		}
	' "$1"
}

acpi() {
	if [ -n "$dump" ]; then
		if grep -q ' @ 0x[0-9A-Fa-f]' "$dump"; then
			text_to_bytes "$dump" | decode_tables
		else
			od -An -v -tu1 "$dump" | decode_tables
		fi
		return 0
	fi
	tables=$root/sys/firmware/acpi/tables
	if [ ! -d "$tables" ]; then
		# Linux looked for ACPI and there is none, or it was told not to look.
		case $(boot_log) in
		*"valid RSDP was not found"*) fact acpi true ;;
		*) fact unreadable acpi ;;
		esac
		return 0
	fi
	readable='' unread=''
	for file in "$tables"/*; do
		[ -f "$file" ] || continue
		if head -c 1 "$file" >/dev/null 2>&1; then readable=yes; else unread="$unread ${file##*/}"; fi
	done
	if [ -z "$readable$unread" ]; then fact unreadable acpi; fi
	if [ -n "$readable" ]; then
		for file in "$tables"/*; do
			[ -f "$file" ] || continue
			case ${file##*/} in
			DMAR* | IVRS* | FACP* | APIC*) limit=65536 ;;
			*) limit=36 ;;
			esac
			od -An -v -tu1 -N "$limit" "$file" 2>/dev/null
			echo table
		done | decode_tables
	fi
	# The names of files that only root can read are the signatures, with a number where there are several.
	for table in $unread; do
		fact acpi.table "{\"sig\":\"$(printf %.4s "$table")\"}"
		case $table in FACP*) fact acpi true ;; esac
	done
	if [ -n "$unread" ]; then fact unreadable acpiContents; fi
}

collect() {
	fact name "$name"
	if [ -n "$acpi_only" ]; then
		for what in cpu memory devices dmi hypervisor commandLine; do fact unreadable "$what"; done
		acpi
		return 0
	fi
	first_line kernel.release "$root/proc/sys/kernel/osrelease"
	command_line
	cpu
	found=$(hypervisor)
	if [ -n "$found" ]; then fact hypervisor "$found"; else fact unreadable hypervisor; fi
	acpi
	devices
	hotplug
	dmi
	memory
}

collect | awk -F '\t' '
	function q(text,   i, c, out) {
		gsub(/\\/, "\\\\", text)
		gsub(/"/, "\\\"", text)
		gsub(/[\001-\037\177]/, "", text)
		gsub(/^ +| +$/, "", text)
		return "\"" text "\""
	}
	function words(text,   i, count, list, out) {
		count = split(text, list, " ")
		for (i = 1; i <= count; i++) out = out (i > 1 ? "," : "") q(list[i])
		return "[" out "]"
	}
	function is_number(text) { return text ~ /^[0-9]+$/ }
	function string(key) { return key in v ? q(v[key]) : "null" }
	function number(key) { return key in v && is_number(v[key]) ? v[key] : "null" }
	function raw(key) { return key in v ? v[key] : "null" }
	function list(key) { return "[" l[key] "]" }
	function append(key, value) { l[key] = l[key] (l[key] == "" ? "" : ",") value }
	$1 == "device" || $1 == "commandLine" || $1 == "unreadable" { append($1, q($2)); next }
	$1 == "acpi.table" { append($1, $2); next }
	$1 == "iomem" { append($1, q($2) ":" $3); next }
	!($1 in v) { v[$1] = $2 }
	END {
		printf "{\"jettisonProfile\":1,\"name\":%s", v["name"] == "" ? "null" : q(v["name"])
		printf ",\"kernel\":{\"release\":%s}", string("kernel.release")
		printf ",\"commandLine\":%s", list("commandLine")
		printf ",\"cpu\":{\"vendor\":%s,\"family\":%s,\"model\":%s,\"stepping\":%s,\"name\":%s,\"count\":%s,\"flags\":%s,\"bugs\":%s}", \
			string("cpu.vendor"), number("cpu.family"), number("cpu.model"), number("cpu.stepping"), string("cpu.name"), \
			number("cpu.count"), "cpu.flags" in v ? words(v["cpu.flags"]) : "null", \
			"cpu.bugs" in v ? words(v["cpu.bugs"]) : "null"
		printf ",\"hypervisor\":%s", string("hypervisor")
		if ("acpi" in v)
			printf ",\"acpi\":{\"complete\":%s,\"tables\":%s,\"dmar\":%s,\"ivrs\":%s,\"fadt\":%s,\"madt\":%s}", v["acpi"], list("acpi.table"), \
				raw("acpi.dmar"), raw("acpi.ivrs"), raw("acpi.fadt"), raw("acpi.madt")
		else printf ",\"acpi\":null"
		printf ",\"devices\":%s", "devices" in v ? list("device") : "null"
		printf ",\"hotplug\":{\"pciSlots\":%s,\"pciePorts\":%s,\"thunderbolt\":%s,\"cpusPossible\":%s,\"cpusPresent\":%s}", \
			number("hotplug.pciSlots"), number("hotplug.pciePorts"), number("hotplug.thunderbolt"), \
			string("hotplug.cpusPossible"), string("hotplug.cpusPresent")
		printf ",\"dmi\":{\"sysVendor\":%s,\"productName\":%s,\"productFamily\":%s,\"boardVendor\":%s,\"boardName\":%s", \
			string("dmi.sysVendor"), string("dmi.productName"), string("dmi.productFamily"), string("dmi.boardVendor"), \
			string("dmi.boardName")
		printf ",\"biosVendor\":%s,\"biosVersion\":%s,\"chassisType\":%s}", string("dmi.biosVendor"), \
			string("dmi.biosVersion"), number("dmi.chassisType")
		printf ",\"memory\":{\"total\":%s,\"span\":%s,\"iomem\":{%s}}", number("memory.total"), number("memory.span"), l["iomem"]
		printf ",\"unreadable\":%s}\n", list("unreadable")
	}
'
