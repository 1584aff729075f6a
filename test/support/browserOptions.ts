// SPDX-License-Identifier: Apache-2.0

/** Debian's Chromium. */
export const browserOptions = {
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
};
