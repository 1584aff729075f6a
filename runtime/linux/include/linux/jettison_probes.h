/* SPDX-License-Identifier: GPL-2.0-only */
/* Jettison's questions to the driver core: drivers/base/dd.c. */
#ifndef _LINUX_JETTISON_PROBES_H
#define _LINUX_JETTISON_PROBES_H

#include <linux/types.h>

struct device_driver;

void driver_visit_unfinished(void (*visit)(const struct device_driver *drv),
			     bool deferred);

#endif /* _LINUX_JETTISON_PROBES_H */
