// SPDX-License-Identifier: Apache-2.0
/** Examples of every command, for `--help` and the man page. */

export interface Example {
  readonly line: string;
  readonly what: string;
}

const example = (line: string, what: string): Example => ({ line, what });

export const examples: Readonly<Record<string, readonly Example[]>> = {
  demo: [example("jettison demo --out out", "build, boot five machines, write out/report.html")],
  build: [
    example(
      "jettison build --source linux-6.12 --output build --config my.config",
      "build a kernel with the shipped manifests",
    ),
    example(
      "jettison build --source linux-6.12 --output build --components my.yaml --target bindeb-pkg",
      "make Debian packages, with one manifest of your own",
    ),
  ],
  boot: [
    example("jettison boot build --machine q35 vtd", "boot the kernel of a build folder on two machines"),
    example(
      "jettison boot build --machine q35 --append jettison=selftest jettison.keep=amd-vi",
      "run the self-test, and keep a component",
    ),
    example(
      "jettison boot linux-image.deb --machine mine.yaml --accel auto",
      "boot a package on a machine that you describe",
    ),
    example("jettison boot build --append jettison=selftest --ktap", "print the results as KTAP"),
  ],
  plan: [
    example("jettison plan build", "show what a finished build could give back"),
    example("jettison plan build --components my.yaml --units", "try a manifest without linking"),
  ],
  modules: [example("jettison modules build", "list the built-in modules that could leave like a module")],
  verify: [example("jettison verify build", "repeat the proof of a finished kernel")],
  report: [
    example("jettison report build out/demo.json -o report.html", "show a plan with its boots in one file"),
    example("jettison report build", "print a plan on the terminal"),
    example("jettison report build --console lab-7=serial.log", "take results from a machine's console"),
  ],
  lab: [
    example(
      "jettison lab build -o lab --url https://lab.example/jettison",
      "write LAVA jobs for QEMU machines",
    ),
    example(
      "jettison lab build -o lab --device-type hp-x360-14-G1-sona --method ipxe",
      "write the job for a real machine",
    ),
    example("jettison lab build -o lab --console vtd=job-17.yaml", "summarise a job's log for KernelCI"),
  ],
  profile: [
    example("jettison profile --name lab-7 >> fleet.jsonl", "append this machine to a list"),
    example("jettison profile --script > profile.sh", "get the script for a machine without Node"),
  ],
  predict: [example("jettison predict build fleet.jsonl", "predict what leaves on each machine of a list")],
  pack: [
    example("jettison pack build fleet.jsonl > packing.yaml", "choose regions for the machines of a list"),
    example(
      "jettison pack build --boots out/demo.json > packing.yaml",
      "choose regions for machines that were booted",
    ),
  ],
  why: [
    example("jettison why build copy_process", "show the references that keep a function"),
    example("jettison why build intel-vtd", "show which parts of a component leave, and why others stay"),
  ],
  diff: [
    example(
      "jettison diff before after --budgets jettison.yaml",
      "compare two builds; exit with 1 if a budget is exceeded",
    ),
  ],
  gain: [example("jettison gain --no-rebuild --machine q35", "compare with a plain kernel on one machine")],
  microvm: [example("jettison microvm --runs 3", "measure the host's memory for an idle guest")],
  estimate: [example("size -A vmlinux | jettison estimate -", "count the pages of sections named .iommu.*")],
  script: [
    example("jettison script build --linker lld > components.lds", "print the script for a link by hand"),
  ],
  ld: [
    example(
      'make LD=$PWD/bin/jettison-ld CFLAGS_KERNEL="-ffunction-sections -fdata-sections"',
      "link a kernel with Jettison; make runs this command through bin/jettison-ld",
    ),
  ],
  patches: [example("jettison patches 6.12 | git am", "apply the kernel series to a pristine tree")],
  doctor: [
    example("jettison doctor", "check this machine"),
    example("jettison doctor --config /boot/config-6.12", "check a kernel configuration before a build"),
    example("jettison doctor --source linux-6.18", "check a kernel source before a build"),
  ],
};

/** The examples as the end of a help text. */
export const formatExamples = (some: readonly Example[]) =>
  `\nExamples:\n${some.map(({ line, what }) => `  ${line}\n      ${what}`).join("\n")}`;
