/* SPDX-License-Identifier: GPL-2.0-only */
/* Built-in drivers that leave like modules: init/main.c, drivers/base/dd.c. */
#ifndef _LINUX_JETTISON_AUTOMATIC_H
#define _LINUX_JETTISON_AUTOMATIC_H

#include <linux/init.h>
#include <linux/types.h>

struct device;
struct device_driver;

int driver_visit_wanted(void (*visit)(const struct device_driver *drv));
bool driver_hold_probes(void);
void driver_resume_probes(void);

#ifdef CONFIG_JETTISON
void jettison_note_initcall(initcall_t fn, int err);
void jettison_no_driver(struct device *dev);
#else
static inline void jettison_note_initcall(initcall_t fn, int err) { }
static inline void jettison_no_driver(struct device *dev) { }
#endif

#endif /* _LINUX_JETTISON_AUTOMATIC_H */
