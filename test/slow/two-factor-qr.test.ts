import { beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureDebian } from "../../scripts/support/ensure.ts";
import { logIn } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess, temporaryFolder } from "../support/postern.ts";
import { command, importRecords, seededFolder, user } from "../support/seed.ts";
import { answerOf } from "../support/two-factor.ts";

// The QR code, drawn by one program and read by another: both from Debian, neither ours.

const longEmail = `${"+".repeat(64)}@${"d".repeat(60)}.example.com`;

let postern: StartedInProcess;

beforeAll(async () => {
  await ensureDebian({ zbarimg: "zbar-tools", "rsvg-convert": "librsvg2-bin" });
  const dataDir = await seededFolder([user("ada")]);
  await command(dataDir, [
    "account",
    "create",
    "--id",
    "long",
    "--alias",
    "long",
    "--company",
    "Ж".repeat(256),
  ]);
  await importRecords(dataDir, [user("x", { email: longEmail })], "long");
  postern = await startInProcess({ dataDir });
}, 300_000);

async function ran(...args: string[]): Promise<string> {
  const child = Bun.spawn(args, { stderr: "pipe" });
  const [code, said, refused] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}: ${refused}`);
  return said;
}

/** What a reader of QR codes finds in the picture of a data URL. */
async function read(dataUrl: string): Promise<string> {
  const [head, image = ""] = dataUrl.split(",");
  expect(head).toBe("data:image/svg+xml;base64");
  const [svg, png] = ["code.svg", "code.png"].map((name) => join(temporaryFolder(), name));
  writeFileSync(svg ?? "", Buffer.from(image, "base64"));
  await ran("rsvg-convert", "--width=1500", "--background-color=white", `--output=${png}`, svg ?? "");
  return (await ran("zbarimg", "--quiet", "--raw", png ?? "")).trim();
}

test.each([
  ["ada@example.com", undefined],
  [longEmail, "long"],
])("the QR code of %s reads as the URL beside it", async (email, accountId) => {
  const mine = await logIn(postern, email, accountId === undefined ? {} : { accountId });
  const { url, qr } = await answerOf(await mine.call("POST", "/v3/me/2fa-secret?qr=true"));
  expect(await read(String(qr))).toBe(String(url));
});
