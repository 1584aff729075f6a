// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { examineSource } from "../../src/doctor/examineSource.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { readLinkerPatterns, readNamedSections } from "../../src/kernel/sourceSections.js";
import { testedVersions } from "../support/testedVersions.js";

test.each(testedVersions)(
  "the series of Linux %s applies, and every section of its source is known",
  async (version) => {
    const source = await fetchSource(version);
    expect((await readLinkerPatterns(source)).length).toBeGreaterThan(200);
    const named = readNamedSections(source).map(({ name }) => name);
    expect(named.length).toBeGreaterThan(100);
    // A header's, assembly's, C code's, objtool's
    expect(named).toEqual(
      expect.arrayContaining([".init.text", ".head.text", ".data..ro_after_init", ".orc_unwind_ip"]),
    );
    expect(await examineSource(source)).toMatchObject({ series: version, inTheWay: [], unknown: [] });
  },
);
