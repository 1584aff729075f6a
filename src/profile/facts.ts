// SPDX-License-Identifier: Apache-2.0
/**
 * Facts of a machine that a prediction needs, from either form of description: a profile, or a line of the
 * summary of linuxhw/ACPI's tables. undefined: not known.
 */
import { z } from "zod";
import { type Profile, profileSchema, profileVersion } from "./profile.js";

export interface Facts {
  readonly name: string | undefined;
  readonly formFactor: string | undefined;
  readonly vendor: string | undefined;
  /** Signatures. An absent one proves something only if all are listed. */
  readonly acpi: { readonly signatures: ReadonlySet<string>; readonly isComplete: boolean } | undefined;
  readonly cpuVendor: string | undefined;
  readonly cpuFamily: number | undefined;
  readonly cpuBugs: readonly string[] | undefined;
  /** `none` on bare hardware. */
  readonly hypervisor: string | undefined;
  /** Bytes from address 0 to the end of memory, and of memory in all. */
  readonly memorySpan: number | undefined;
  readonly memoryTotal: number | undefined;
  /** `8086:10d3` */
  readonly pciDevices: ReadonlySet<string> | undefined;
  /** Modaliases of all devices that the machine's kernel had found. */
  readonly modaliases: readonly string[] | undefined;
  readonly commandLine: readonly string[];
  /** Impossible parts of the firmware's description, one sentence each. */
  readonly defects: readonly string[];
}

const areTables = (tables: unknown) =>
  Array.isArray(tables) && tables.every((one) => typeof (one as { sig?: unknown } | null)?.sig === "string");
const summarySchema = z.looseObject({
  id: z.string(),
  formFactor: z.string(),
  vendor: z.string(),
  virtual: z.boolean(),
  cpuVendor: z.enum(["intel", "amd"]).nullable(),
  // Most of a line, of which only the signatures count: nothing of it is copied.
  tables: z.custom<readonly { readonly sig: string }[]>(
    areTables,
    "a list of tables with their signatures is expected here",
  ),
  dmar: z.looseObject({ drhdCount: z.int(), drhdBadBase: z.int().optional() }).nullable(),
  ivrs: z.looseObject({ iommuCount: z.int() }).nullable(),
});

type Summary = z.infer<typeof summarySchema>;

/**
 * Whether the schema accepts a value, for the usual one without asking it: it copies what it checks, which takes longer than
 * everything else that is done for a machine but reading it. The schema decides about all that this does not accept.
 */
function fitsSummary(value: unknown): value is Summary {
  if (typeof value !== "object" || value === null) return false;
  const { id, formFactor, vendor, virtual, cpuVendor, tables, dmar, ivrs } = value as Partial<Summary>;
  return (
    typeof id === "string" &&
    typeof formFactor === "string" &&
    typeof vendor === "string" &&
    typeof virtual === "boolean" &&
    (cpuVendor === "intel" || cpuVendor === "amd" || cpuVendor === null) &&
    areTables(tables) &&
    (dmar === null ||
      (isCount(dmar?.drhdCount) && (dmar?.drhdBadBase === undefined || isCount(dmar?.drhdBadBase)))) &&
    (ivrs === null || isCount(ivrs?.iommuCount))
  );
}

const isCount = (value: unknown) => Number.isSafeInteger(value);

const cpuVendors = { intel: "GenuineIntel", amd: "AuthenticAMD" } as const;

/** SMBIOS 3.7, table 17: kinds of chassis, by what the summaries call them. */
const chassis: Readonly<Record<number, string>> = {
  ...{ 3: "Desktop", 4: "Desktop", 5: "Desktop", 6: "Desktop", 7: "Desktop", 15: "Desktop", 16: "Desktop" },
  ...{ 8: "Notebook", 9: "Notebook", 10: "Notebook", 14: "Notebook", 11: "Tablet", 30: "Tablet" },
  ...{ 13: "All In One", 17: "Server", 23: "Server", 28: "Server", 29: "Server" },
  ...{ 31: "Convertible", 32: "Convertible", 34: "Mini Pc", 35: "Mini Pc", 36: "Mini Pc" },
};

/** The form of a line that is neither is answered with what is wrong of a profile. */
export function readFacts(value: unknown): { facts: Facts } | { what: string } {
  const isProfile = typeof value === "object" && value !== null && "jettisonProfile" in value;
  if (isProfile) {
    const { jettisonProfile } = value;
    if (jettisonProfile !== profileVersion)
      return { what: `its version is ${String(jettisonProfile)}, not ${profileVersion}` };
    const parsed = profileSchema.safeParse(value);
    return parsed.success ? { facts: factsOfProfile(parsed.data) } : { what: describe(parsed.error) };
  }
  if (fitsSummary(value)) return { facts: factsOfSummary(value) };
  const parsed = summarySchema.safeParse(value);
  if (parsed.success) return { facts: factsOfSummary(parsed.data) };
  const looksAlike = typeof value === "object" && value !== null && "tables" in value;
  return { what: looksAlike ? describe(parsed.error) : "it has no jettisonProfile" };
}

function describe({ issues }: z.ZodError): string {
  const { path, message } = issues[0]!;
  return `${path.join(".") || "it"}: ${message}`;
}

const known = <T>(value: T | null | undefined): T | undefined => value ?? undefined;

function factsOfProfile(profile: Profile): Facts {
  const { acpi, cpu, devices, dmi, memory } = profile;
  return {
    name: known(profile.name),
    formFactor: dmi.chassisType === null ? undefined : (chassis[dmi.chassisType] ?? "Others"),
    vendor: known(dmi.sysVendor),
    acpi:
      acpi === null
        ? undefined
        : { signatures: new Set(acpi.tables.map(({ sig }) => sig)), isComplete: acpi.complete },
    cpuVendor: known(cpu.vendor),
    cpuFamily: known(cpu.family),
    cpuBugs: known(cpu.bugs),
    hypervisor: known(profile.hypervisor),
    memorySpan: known(memory.span),
    memoryTotal: known(memory.total),
    pciDevices: devices === null ? undefined : new Set(devices.flatMap(pciDeviceOf)),
    modaliases: known(devices),
    commandLine: profile.commandLine,
    defects: findDefects(acpi?.dmar ?? null, acpi?.ivrs ?? null),
  };
}

/** `pci:v00008086d000010D3sv...` */
function pciDeviceOf(modalias: string): string[] {
  const found = /^pci:v0000([0-9A-F]{4})d0000([0-9A-F]{4})/.exec(modalias);
  return found === null ? [] : [`${found[1]}:${found[2]}`.toLowerCase()];
}

/**
 * The summary says of each machine whether an OEM id of its tables is a hypervisor's. Where none is, this is a computer
 * of its own; where one is, which hypervisor that is remains unknown.
 */
function factsOfSummary(summary: Summary): Facts {
  const signatures = new Set(summary.tables.map(({ sig }) => sig));
  return {
    name: summary.id,
    formFactor: summary.formFactor,
    vendor: summary.vendor,
    acpi: { signatures, isComplete: signatures.has("FACP") },
    cpuVendor: summary.cpuVendor === null ? undefined : cpuVendors[summary.cpuVendor],
    cpuFamily: undefined,
    cpuBugs: undefined,
    hypervisor: summary.virtual ? undefined : "none",
    memorySpan: undefined,
    memoryTotal: undefined,
    pciDevices: undefined,
    modaliases: undefined,
    commandLine: [],
    defects: findDefects(summary.dmar, summary.ivrs),
  };
}

function findDefects(
  dmar: { drhdCount: number; drhdBadBase?: number | undefined; malformed?: unknown } | null,
  ivrs: { iommuCount: number; malformed?: unknown } | null,
): string[] {
  const defects: string[] = [];
  if (dmar?.malformed || ivrs?.malformed)
    defects.push("The firmware's description of its IOMMUs breaks off: Linux may use none of them.");
  if (dmar?.drhdCount === 0) defects.push("The firmware's DMAR table describes no unit: Linux uses no VT-d.");
  if (dmar?.drhdBadBase)
    defects.push(
      "The firmware's DMAR table has a unit at address 0 or at all ones: Linux may refuse the table and use no VT-d.",
    );
  if (ivrs?.iommuCount === 0)
    defects.push("The firmware's IVRS table describes no unit: Linux uses no AMD-Vi.");
  return defects;
}
