import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { capture, projectFolder } from "./run.ts";

/**
 * Makes sure that commands are there, installing the Debian packages that hold them where it may: `{ oathtool: "oathtool" }`
 * maps the command to its package. For slow tests alone. Throws with the command to run where it cannot.
 */
export async function ensureDebian(packageOfCommand: Record<string, string>): Promise<void> {
  const missing = Object.entries(packageOfCommand).filter(([command]) => Bun.which(command) === null);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  const install = ["apt-get", "install", "--yes", "--no-install-recommends", ...packages];
  const wanted = `These tests need ${missing.map(([command]) => command).join(", ")}`;
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) {
    throw new Error(`${wanted}. Install them first, on Debian with: sudo ${install.join(" ")}`);
  }
  await attempt(wanted, ["apt-get", "update"]);
  await attempt(wanted, ["env", "DEBIAN_FRONTEND=noninteractive", ...install]);
}

/**
 * Makes sure that Python packages are there, in a folder of the build that nothing else sees, and answers it, to be set
 * as PYTHONPATH. Requirements as pip reads them, versions pinned: `["PyJWT==2.10.1"]`. For slow tests alone.
 */
export async function ensurePython(requirements: string[]): Promise<string> {
  await ensureDebian({ python3: "python3", pip3: "python3-pip" });
  const wanted = requirements.toSorted().join("\n");
  const name = createHash("sha256").update(wanted).digest("hex").slice(0, 12);
  const folder = join(projectFolder, "dist", `python-${name}`);
  const complete = Bun.file(join(folder, "complete"));
  if (await complete.exists()) return folder;
  await rm(folder, { recursive: true, force: true });
  await attempt(`These tests need ${requirements.join(", ")}`, [
    ...["python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
    ...["--target", folder, ...requirements],
  ]);
  await complete.write(wanted);
  return folder;
}

async function attempt(wanted: string, command: string[]): Promise<void> {
  const { code, output } = await capture(command);
  if (code === 0) return;
  throw new Error(`${wanted}, and \`${command.join(" ")}\` failed:\n${output.trim().slice(-2_000)}`);
}
