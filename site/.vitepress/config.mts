// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from "vitepress";

const page = (text: string, name: string) => ({ text, link: `/docs/${name}` });

export default defineConfig({
  title: "Jettison",
  description: "One Linux kernel image for many machines",
  // scripts/site copies the pages there.
  srcDir: "../out/site-pages",
  outDir: "../out/site",
  cacheDir: "../out/site-cache",
  // A link to a page that does not exist fails the build.
  ignoreDeadLinks: false,
  rewrites: { "README.md": "index.md" },
  markdown: { theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [{ text: "A kernel's report", link: "/report.html", target: "_self" }],
    sidebar: [
      {
        text: "Guide",
        items: [
          { text: "Overview", link: "/" },
          page("Debian packages", "packaging"),
          page("Report, why, diff", "report"),
          page("My component is refused", "refused"),
          page("Profiles and predictions", "profile"),
          page("Packing for a fleet", "packing"),
          page("A lab of machines", "lab"),
          { text: "Contributing", link: "/CONTRIBUTING" },
        ],
      },
      {
        text: "Concepts",
        items: [
          page("The life of a reference", "life-of-a-reference"),
          page("Design", "design"),
          page("Safety", "safety"),
          page("The three questions of 2010", "answers"),
          page("Decisions", "decisions/README"),
        ],
      },
      {
        text: "Reference",
        items: [
          page("Manifests", "manifests"),
          page("Shipped components", "components"),
          page("Machines", "machines"),
          page("Sections of a kernel", "sections"),
          page("Built-in modules", "modules"),
          { text: "The kernel side", link: "/runtime/linux/README" },
          page("The series: cover letter", "series"),
          { text: "Changelog", link: "/CHANGELOG" },
          { text: "Security", link: "/SECURITY" },
        ],
      },
      {
        text: "Measurements",
        items: [
          page("What it is worth", "gain"),
          page("Kernels of distributions", "kernels"),
          page("Stress tests", "torture"),
          page("A real user space", "userspace"),
          page("Tables of real machines", "real-tables"),
        ],
      },
    ],
  },
});
