// SPDX-License-Identifier: Apache-2.0
/* Takes a device over from the kernel by VFIO, and runs a virtual machine of one instruction. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper.h"

int take_device(const char *path, const char *name, int type)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	int container = open("/dev/vfio/vfio", O_RDWR), group = open(path, O_RDWR), device;
	uint16_t ids[2];

	if (container < 0 || group < 0)
		return fail(container < 0 ? "/dev/vfio/vfio" : path);
	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) || !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return fail("the group is not viable");
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		return fail("VFIO_GROUP_SET_CONTAINER");
	if (ioctl(container, VFIO_SET_IOMMU, type))
		return fail("VFIO_SET_IOMMU");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_INFO, &info))
		return fail(name);
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) || pread(device, ids, sizeof(ids), config.offset) != 4)
		return fail("its configuration");
	if (type == VFIO_TYPE1_IOMMU) {
		struct vfio_iommu_type1_dma_map map = {
			.argsz = sizeof(map),
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			.iova = MIB,
			.size = CHUNK,
		};
		struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = map.iova, .size = map.size };

		if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map) || ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
			return fail("memory for the device");
	}
	close(device);
	close(group);
	close(container);
	printf("%04x:%04x\n", ids[0], ids[1]);
	return 0;
}

int run_machine(void)
{
	int kvm = open("/dev/kvm", O_RDWR), vm, cpu;
	struct kvm_userspace_memory_region memory = { .guest_phys_addr = 0x1000, .memory_size = 0x1000 };
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *state;
	uint8_t *code;

	if (kvm < 0)
		return fail("/dev/kvm"), 2;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	cpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	if (cpu < 0)
		return fail("no machine");
	code = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	code[0] = 0xf4; /* hlt */
	memory.userspace_addr = (uintptr_t)code;
	state = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (state == MAP_FAILED || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &memory) || ioctl(cpu, KVM_GET_SREGS, &sregs))
		return fail("its state");
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(cpu, KVM_SET_SREGS, &sregs) || ioctl(cpu, KVM_SET_REGS, &regs) || ioctl(cpu, KVM_RUN, 0))
		return fail("KVM_RUN");
	printf("exit reason %u\n", state->exit_reason);
	return state->exit_reason != KVM_EXIT_HLT;
}
