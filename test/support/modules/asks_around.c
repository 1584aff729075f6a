// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks what modules ask on any machine, whether or not it has the hardware:
 * as KVM with AVIC, idxd, usnic, Thunderbolt, mlx5, cpuidle-haltpoll and
 * drivers of Hyper-V's devices do. Then it makes a group of devices without
 * an IOMMU, as VFIO does.
 */
#include <linux/amd-iommu.h>
#include <linux/dmar.h>
#include <linux/hyperv.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <asm/cpuidle_haltpoll.h>
#include <asm/kvm_para.h>
#include <asm/mshyperv.h>

static struct platform_device *device;
static struct iommu_group *group;
static struct hv_driver driver = { .name = "asks_around" };

static int log_notifier(u32 tag)
{
	return 0;
}

static void ask_iommus(struct device *dev)
{
	pr_alert("guest-says: notifier %d optin %d capable %d present %d domain %d\n",
		 amd_iommu_register_ga_log_notifier(log_notifier), dmar_platform_optin(),
		 device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY),
		 iommu_present(&pci_bus_type), !!iommu_get_domain_for_dev(dev));
	pr_alert("guest-says: enable %d disable %d bind %d alloc %d claim %d\n",
		 iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_SVA),
		 iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_SVA),
		 PTR_ERR_OR_ZERO(iommu_sva_bind_device(dev, current->mm)),
		 PTR_ERR_OR_ZERO(iommu_paging_domain_alloc(dev)),
		 iommu_device_claim_dma_owner(dev, &device));
}

static void ask_hypervisors(void)
{
	pr_alert("guest-says: hyperv %d register %d read %d write %d invalidate %d\n",
		 hv_is_hyperv_initialized(),
		 __vmbus_driver_register(&driver, THIS_MODULE, KBUILD_MODNAME),
		 hyperv_read_cfg_blk(NULL, NULL, 0, 0, NULL),
		 hyperv_write_cfg_blk(NULL, NULL, 0, 0),
		 hyperv_reg_block_invalidate(NULL, NULL, NULL));
	vmbus_driver_unregister(&driver);
	arch_haltpoll_enable(0);
	arch_haltpoll_disable(0);
	pr_alert("guest-says: hints %x\n", kvm_arch_para_hints());
}

static int make_group(struct device *dev)
{
	struct iommu_group *found;
	int err;

	group = iommu_group_alloc();
	if (IS_ERR(group))
		return PTR_ERR(group);
	err = iommu_group_set_name(group, "without an IOMMU") ?:
	      iommu_group_add_device(group, dev);
	found = iommu_group_get(dev);
	pr_alert("guest-says: group %d error %d found %d claimed %d\n", iommu_group_id(group),
		 err, found == group, iommu_group_dma_owner_claimed(group));
	iommu_group_put(found);
	return err;
}

static int __init asks_around_init(void)
{
	device = platform_device_register_simple("asks_around", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	ask_iommus(&device->dev);
	ask_hypervisors();
	return make_group(&device->dev);
}

static void __exit asks_around_exit(void)
{
	iommu_group_remove_device(&device->dev);
	iommu_group_put(group);
	platform_device_unregister(device);
}

module_init(asks_around_init);
module_exit(asks_around_exit);
MODULE_DESCRIPTION("Asks what modules ask on any machine");
MODULE_LICENSE("GPL");
