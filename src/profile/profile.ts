// SPDX-License-Identifier: Apache-2.0
/**
 * A machine's profile: the facts that `runtime/profile/profile.sh` collects, one machine a line of JSON. docs/profile.md
 * says what each is. null: the fact is not known. Sizes are bytes.
 */
import { z } from "zod";

export const profileVersion = 1;

const text = z.string().nullable();
const count = z.int().nonnegative().nullable();

const table = z.object({
  sig: z.string(),
  oemId: text.optional(),
  oemTableId: text.optional(),
  rev: count.optional(),
  length: count.optional(),
});

/** Contents of the two tables that describe IOMMUs (docs/profile.md): counts, no addresses. */
const dmar = z.looseObject({
  flags: z.int(),
  drhdCount: z.int(),
  drhdBadBase: z.int().optional().describe("Units whose registers lie at 0 or at all ones."),
  malformed: z.boolean().optional(),
});
const ivrs = z.looseObject({
  ivInfo: z.int(),
  iommuCount: z.int(),
  malformed: z.boolean().optional(),
});
const fadt = z.looseObject({ pmProfile: z.int() });

export const hypervisors = [
  ...["none", "kvm", "hyperv", "vmware", "xen-pv", "xen-pvh", "xen-hvm"],
  "other",
] as const;

export const profileSchema = z
  .object({
    jettisonProfile: z.literal(profileVersion),
    name: text,
    kernel: z.object({ release: text }),
    commandLine: z.array(z.string()).describe("Only words that decide what is found or used."),
    cpu: z.object({
      vendor: text.describe("As CPUID and /proc/cpuinfo give it: GenuineIntel."),
      ...{ family: count, model: count, stepping: count, name: text, count },
      flags: z.array(z.string()).nullable(),
      bugs: z.array(z.string()).nullable(),
    }),
    hypervisor: z.enum(hypervisors).nullable(),
    acpi: z
      .object({
        complete: z
          .boolean()
          .describe("All of the machine's tables are listed: what is absent is not there."),
        tables: z.array(table),
        dmar: dmar.nullable(),
        ivrs: ivrs.nullable(),
        fadt: fadt.nullable(),
        madt: z.looseObject({}).nullable(),
      })
      .nullable(),
    devices: z.array(z.string()).nullable().describe("Modaliases of all devices, each once."),
    hotplug: z.object({
      pciSlots: count,
      pciePorts: count,
      thunderbolt: count,
      ...{ cpusPossible: text, cpusPresent: text },
    }),
    dmi: z.object({
      ...{ sysVendor: text, productName: text, productFamily: text, boardVendor: text, boardName: text },
      ...{ biosVendor: text, biosVersion: text, chassisType: count },
    }),
    memory: z.object({
      total: count,
      span: count.describe("From address 0 to the end of the last piece of memory."),
      iomem: z.record(z.string(), z.int().nonnegative()).describe("Bytes by kind."),
    }),
    unreadable: z.array(z.string()).describe("What could not be read, for want of rights or of the files."),
  })
  .describe("A machine, as jettison profile describes it.");

export type Profile = z.infer<typeof profileSchema>;

/** JSON Schema of a profile, draft 2020-12. */
export const profileJsonSchema = () => z.toJSONSchema(profileSchema, { io: "input" });
