// SPDX-License-Identifier: Apache-2.0
/**
 * The catalogue of registrars: the functions of the kernel with which init code registers something, and the functions that undo
 * them. Names are those in objects, which are not always those in the source (`__pci_register_driver`).
 */

/**
 * driver: is used when a device is bound to it. infrastructure: when something is on it. feature: user space asks for it
 * by its name. neutral: serves what else the module registers, and the class comes from that.
 */
export type RegistrarClass = "driver" | "infrastructure" | "feature" | "neutral";

export interface Registrar {
  /** Several names where they differ only in what they are given. */
  readonly names: string;
  /** Each of them takes it back. */
  readonly undo: string;
  readonly class: RegistrarClass;
  /** The thing that it makes known. */
  readonly what: string;
  /** How use of it is seen when the kernel has booted. */
  readonly seen: string;
  /** A driver whose devices are found in the background, after the initcalls: ports, and what is plugged into them. */
  readonly isLate?: true;
}

const row = (
  kind: RegistrarClass,
  names: string,
  undo: string,
  what: string,
  seen: string = seenOf[kind],
): Registrar => ({ names, undo, class: kind, what, seen });

const late = (...given: Parameters<typeof row>): Registrar => ({ ...row(...given), isLate: true });

const seenOf: Readonly<Record<RegistrarClass, string>> = {
  driver: "a device is bound to it, or would be",
  infrastructure: "something is on it",
  feature: "user space asks for it; at boot that is not known",
  neutral: "what else the module registers is used",
};

export const registrars: readonly Registrar[] = [
  row("driver", "__pci_register_driver", "pci_unregister_driver", "PCI driver"),
  row(
    "driver",
    "__platform_driver_register __platform_driver_probe",
    "platform_driver_unregister",
    "platform driver",
  ),
  row("driver", "__register_virtio_driver", "unregister_virtio_driver", "virtio driver"),
  row(
    "driver",
    "__acpi_bus_register_driver acpi_bus_register_driver",
    "acpi_bus_unregister_driver",
    "ACPI driver",
  ),
  row("driver", "pnp_register_driver", "pnp_unregister_driver", "PNP driver"),
  late("driver", "__serio_register_driver", "serio_unregister_driver", "serio driver"),
  late("driver", "__hid_register_driver", "hid_unregister_driver", "HID driver"),
  late("driver", "__vmbus_driver_register", "vmbus_driver_unregister", "VMBus driver"),
  late(
    "driver",
    "__xenbus_register_frontend __xenbus_register_backend",
    "xenbus_unregister_driver",
    "Xenbus driver",
  ),
  late("driver", "usb_register_driver", "usb_deregister", "USB driver"),
  late("driver", "usb_register_device_driver", "usb_deregister_device_driver", "driver of whole USB devices"),
  late("driver", "usb_serial_register_drivers", "usb_serial_deregister_drivers", "USB serial drivers"),
  late("driver", "i2c_register_driver", "i2c_del_driver", "I2C driver"),
  late(
    "driver",
    "phy_drivers_register phy_driver_register",
    "phy_drivers_unregister phy_driver_unregister",
    "drivers of network PHYs",
  ),
  late("driver", "mdio_driver_register", "mdio_driver_unregister", "MDIO driver"),
  late("driver", "__auxiliary_driver_register", "auxiliary_driver_unregister", "auxiliary driver"),
  late("driver", "__mei_cldev_driver_register", "mei_cldev_driver_unregister", "driver of a MEI client"),
  late("driver", "__cxl_driver_register", "cxl_driver_unregister", "CXL driver"),
  late("driver", "wmi_driver_register __wmi_driver_register", "wmi_driver_unregister", "WMI driver"),
  late("driver", "driver_register __spi_register_driver", "driver_unregister", "driver of another bus"),

  row("infrastructure", "bus_register", "bus_unregister", "bus"),
  row("infrastructure", "class_register class_create", "class_unregister class_destroy", "class of devices"),
  row(
    "infrastructure",
    "alloc_chrdev_region register_chrdev_region",
    "unregister_chrdev_region",
    "numbers of character devices",
  ),
  row("infrastructure", "__register_chrdev", "__unregister_chrdev", "character device"),
  row("neutral", "__register_blkdev", "unregister_blkdev", "number of block devices"),
  row("infrastructure", "uart_register_driver", "uart_unregister_driver", "kind of serial port"),
  row("infrastructure", "perf_pmu_register", "perf_pmu_unregister", "PMU"),
  row("infrastructure", "ptp_clock_register", "ptp_clock_unregister", "PTP clock"),
  row("infrastructure", "cpuidle_register_driver", "cpuidle_unregister_driver", "cpuidle driver"),
  row("infrastructure", "cpufreq_register_driver", "cpufreq_unregister_driver", "cpufreq driver"),
  row(
    "neutral",
    "__cpuhp_setup_state __cpuhp_setup_state_cpuslocked",
    "__cpuhp_remove_state __cpuhp_remove_state_cpuslocked",
    "CPU hot-plug state",
  ),
  row(
    "neutral",
    "register_netdevice_notifier",
    "unregister_netdevice_notifier",
    "notifier of network devices",
  ),
  row("neutral", "bus_register_notifier", "bus_unregister_notifier", "notifier of a bus"),
  row("neutral", "cpufreq_register_notifier", "cpufreq_unregister_notifier", "notifier of cpufreq"),
  row("neutral", "register_xenstore_notifier", "unregister_xenstore_notifier", "notifier of Xenstore"),
  row(
    "neutral",
    "atomic_notifier_chain_register blocking_notifier_chain_register raw_notifier_chain_register",
    "atomic_notifier_chain_unregister blocking_notifier_chain_unregister raw_notifier_chain_unregister",
    "notifier",
  ),
  row(
    "infrastructure",
    "platform_device_add",
    "platform_device_unregister platform_device_del",
    "platform device",
  ),
  row(
    "infrastructure",
    "proc_mkdir proc_create proc_create_data",
    "remove_proc_entry proc_remove",
    "entry of /proc",
  ),
  row("infrastructure", "debugfs_create_dir debugfs_create_file", "debugfs_remove", "entry of debugfs"),

  row("feature", "register_filesystem", "unregister_filesystem", "filesystem"),
  row("feature", "__register_binfmt", "unregister_binfmt", "format of executables"),
  row("feature", "elv_register", "elv_unregister", "I/O scheduler"),
  row("feature", "cpufreq_register_governor", "cpufreq_unregister_governor", "governor of cpufreq"),
  row("feature", "tty_register_ldisc", "tty_unregister_ldisc", "line discipline"),
  row("feature", "misc_register", "misc_deregister", "misc device"),
  row(
    "feature",
    "tcp_register_congestion_control",
    "tcp_unregister_congestion_control",
    "congestion control",
  ),
  row("feature", "inet_diag_register", "inet_diag_unregister", "dump of sockets"),
  row(
    "feature",
    "sock_diag_register sock_diag_register_inet_compat",
    "sock_diag_unregister sock_diag_unregister_inet_compat",
    "dump of sockets",
  ),
  row("feature", "sock_register", "sock_unregister", "family of sockets"),
  row("feature", "proto_register", "proto_unregister", "protocol of sockets"),
  row("feature", "inet_add_protocol", "inet_del_protocol", "protocol over IP"),
  row("feature", "xfrm4_tunnel_register", "xfrm4_tunnel_deregister", "tunnel over IP"),
  row("feature", "rtnl_link_register", "rtnl_link_unregister", "kind of network device"),
  row(
    "feature",
    "register_pernet_subsys register_pernet_device",
    "unregister_pernet_subsys unregister_pernet_device",
    "part of each network namespace",
  ),
  row("feature", "input_register_handler", "input_unregister_handler", "handler of input devices"),
  row(
    "feature",
    "crypto_register_alg crypto_register_algs",
    "crypto_unregister_alg crypto_unregister_algs",
    "cipher",
  ),
  row(
    "feature",
    "crypto_register_shash crypto_register_shashes",
    "crypto_unregister_shash crypto_unregister_shashes",
    "hash",
  ),

  row("neutral", "alloc_workqueue", "destroy_workqueue", "workqueue"),
  row(
    "neutral",
    "platform_device_alloc",
    "platform_device_unregister platform_device_put",
    "platform device, not added",
  ),
  row("neutral", "pcpu_alloc_noprof", "free_percpu", "per-CPU memory"),
  row("neutral", "__kmalloc_noprof __kmalloc_cache_noprof __kmalloc_node_noprof", "kfree", "memory"),
];

/** Functions that leave nothing behind: they print, ask or compute. */
export const leaveNothing: ReadonlySet<string> = new Set(
  [
    "__x86_return_thunk __fentry__ __stack_chk_fail",
    "_printk _dev_info _dev_warn _dev_err __warn_printk",
    "memcpy memset memcmp strcmp strncmp strlen sized_strscpy snprintf sprintf scnprintf __sw_hweight32 __sw_hweight64",
    "mutex_lock mutex_unlock cpus_read_lock cpus_read_unlock rcu_barrier synchronize_rcu",
    "_raw_spin_lock _raw_spin_unlock _raw_spin_lock_irqsave _raw_spin_unlock_irqrestore",
    "x86_match_cpu kvm_para_available kvm_arch_para_hints slow_virt_to_phys",
    "hv_is_hyperv_initialized xen_has_pv_devices xen_has_pv_disk_devices xen_has_pv_nic_devices",
    "acpi_quirk_skip_acpi_ac_and_battery",
    "cancel_delayed_work_sync cancel_work_sync flush_work ida_destroy xa_destroy",
  ].flatMap((names) => names.split(" ")),
);

/** Data of the kernel that init code only reads. */
export const onlyRead: ReadonlySet<string> = new Set(
  [
    "boot_cpu_data acpi_disabled kmalloc_caches __num_online_cpus __cpu_online_mask __max_dies_per_package",
    "xen_domain_type xen_start_flags xen_features boot_option_idle_override",
  ].flatMap((names) => names.split(" ")),
);

const byName = new Map(
  registrars.flatMap((registrar) => registrar.names.split(" ").map((name) => [name, registrar] as const)),
);
const undoing: ReadonlySet<string> = new Set(registrars.flatMap(({ undo }) => undo.split(" ")));

export const findRegistrar = (name: string) => byName.get(name);

/** Whether init code may call it although it is not a registrar: an init function that fails undoes its registrations. */
export const isHarmless = (name: string) => leaveNothing.has(name) || undoing.has(name);
