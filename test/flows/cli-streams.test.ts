import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cliOn, run } from "../support/cli.ts";
import { binary, cheapHashes, startBinary, temporaryFolder } from "../support/postern.ts";

const users = 2_000;
const dataDir = temporaryFolder();
const cli = cliOn(dataDir);

beforeAll(async () => {
  const file = join(temporaryFolder(), "users.jsonl");
  const lines = Array.from({ length: users }, (_, index) =>
    JSON.stringify({
      kind: "user",
      email: `user-${index}@example.com`,
      firstName: index === 0 ? "\u001b[2J\u202eEvil" : "Ada",
      lastName: "Lovelace",
    }),
  );
  writeFileSync(file, lines.join("\n"));
  await cli(["account", "create", "--alias", "acme", "--company", "Acme Ltd"]);
  await cli(["import", file, "--account", "acme"]);
});

describe("a list", () => {
  test("is one JSON array, with a record a line, however long it is", async () => {
    const { stdout, records } = await cli(["user", "list", "--account", "acme", "--json"]);
    expect(records()).toHaveLength(users);
    expect(stdout.trimEnd().split("\n")).toHaveLength(users + 1);
  });

  test("is an aligned table for people, in which no name moves the cursor", async () => {
    const { stdout } = await cli(["user", "list", "--account", "acme"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(users + 1);
    expect(lines[0]).toMatch(/^ID +EMAIL +NAME +ROLE +STATUS +TWO-FACTOR +LAST LOGIN$/);
    const starts = lines.map((line) => line.search(/ (user|ROLE) +(active|STATUS) /));
    expect(starts[0]).toBeGreaterThan(0);
    for (const character of ["\u001b", "\u202e"]) expect(stdout).not.toContain(character);
    expect(stdout).toContain("\u{FFFD}[2J\u{FFFD}Evil");
  });

  test("of nothing says so, or is an empty array", async () => {
    const list = ["webhook", "list", "--account", "acme"];
    expect((await cli(list)).stdout).toBe("There are no webhooks.\n");
    expect((await cli([...list, "--json"])).records()).toEqual([]);
  });

  test("ends in silence when nobody reads on", async () => {
    const command = `"${binary}" user list --account acme --json | head -n 1 | wc -l`;
    const child = Bun.spawn(["sh", "-c", command], {
      env: { PATH: process.env["PATH"] ?? "", POSTERN_DATA_DIR: dataDir },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: "1", stderr: "" });
  });
});

/** Runs the program in a terminal of its own and answers its questions. */
async function inTerminal(args: readonly string[], answers: readonly string[]) {
  let shown = "";
  const waiting = [...answers];
  const child = Bun.spawn([binary, ...args], {
    env: { PATH: process.env["PATH"] ?? "", POSTERN_DATA_DIR: dataDir, ...cheapHashes },
    terminal: {
      cols: 120,
      rows: 24,
      data(terminal, bytes) {
        shown += new TextDecoder().decode(bytes);
        if (/: $/.test(shown)) terminal.write(waiting.shift() ?? "");
      },
    },
  });
  const code = await child.exited;
  return { code, shown };
}

describe("a password asked for on a terminal", () => {
  const call = [...["user", "set-password", "--account", "acme", "--email", "user-1@example.com"]];

  test("is typed twice, is not shown, and can be corrected while it is typed", async () => {
    const { code, shown } = await inTerminal(call, [
      "correct hirse\x7f\x7f\x7f\x7forse\r",
      "correct horse\r",
    ]);
    expect({ code, asked: shown.includes("New password: ") }).toEqual({ code: 0, asked: true });
    expect(shown).not.toContain("orse");
  });

  test("is refused when it is not the same twice", async () => {
    const { code, shown } = await inTerminal(call, ["correct horse\r", "correct house\r"]);
    expect(code).toBe(1);
    expect(shown).toContain("not the same");
  });

  test("can be broken off", async () => {
    const { code, shown } = await inTerminal(call, ["correct\x03"]);
    expect(code).toBe(1);
    expect(shown).toContain("nothing was changed");
  });
});

describe("postern health", () => {
  test("ends with 0 beside a server that is well, and with 1 where there is none", async () => {
    const server = await startBinary();
    const settings = { POSTERN_LISTEN: new URL(server.url).host, POSTERN_DATA_DIR: server.dataDir };
    const well = await run(["health"], { settings });
    expect(well).toMatchObject({
      code: 0,
      stdout: `The server at ${server.url}/health is well.\n`,
      stderr: "",
    });
    expect((await run(["health", "--json"], { settings })).record()).toMatchObject({ status: "ok" });
    const port = new URL(server.url).port;
    const everywhere = { ...settings, POSTERN_LISTEN: `0.0.0.0:${port}` };
    expect((await run(["health"], { settings: everywhere })).code).toBe(0);
    await server.end();
    const gone = await run(["health"], { settings });
    expect(gone).toMatchObject({ code: 1, stdout: "" });
    expect(gone.stderr).toContain(server.url);
  });
});
