import { expect, test } from "vitest";
import { installCommand, softwareAdapterPackage } from "../../../src/cli/install.ts";

test.each([
  { name: "Debian", release: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', packages: ["chromium"] },
  {
    name: "Ubuntu, which calls itself like Debian",
    release: "ID=ubuntu\nID_LIKE=debian\n",
    packages: ["mesa-vulkan-drivers", "libvulkan1"],
  },
  { name: "a child of Ubuntu", release: 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', packages: ["mesa-vulkan-drivers", "libvulkan1"] },
])("$name has a package with a software adapter", ({ release, packages }) => {
  const remedy = softwareAdapterPackage(release)!;
  expect(remedy.packages).toEqual(packages);
  expect(installCommand(remedy)).toContain(`apt-get install -y --no-install-recommends ${packages.join(" ")}`);
});

test.each([
  ["Fedora", "ID=fedora\n"],
  ["nothing known", ""],
])("%s: apt-get would not help", (_name, release) => {
  expect(softwareAdapterPackage(release)).toBeUndefined();
});
