import { expect, test } from "bun:test";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cliOn } from "../support/cli.ts";
import { rowsOf } from "../support/database.ts";
import { binary, cheapHashes, temporaryFolder } from "../support/postern.ts";

const users = 4_000;

/** An import that has begun to write, and has most of its way before it. */
async function begun() {
  const dataDir = temporaryFolder();
  const file = join(temporaryFolder(), "users.jsonl");
  const lines = Array.from({ length: users }, (_, index) =>
    JSON.stringify({ kind: "user", email: `user-${index}@example.com`, firstName: "Ada", lastName: "" }),
  );
  writeFileSync(file, `${lines.join("\n")}\n`);
  const cli = cliOn(dataDir);
  await cli(["account", "create", "--alias", "acme", "--company", "Acme Ltd"]);
  const child = Bun.spawn([binary, "import", file, "--account", "acme"], {
    env: { PATH: process.env["PATH"] ?? "", POSTERN_DATA_DIR: dataDir, ...cheapHashes },
    stdout: "pipe",
    stderr: "pipe",
  });
  const written = () =>
    rowsOf<{ count: number }>(dataDir, "SELECT count(*) AS count FROM users")[0]?.count ?? 0;
  while (written() === 0 && child.exitCode === null) await new Promise((resolve) => setImmediate(resolve));
  expect(written()).toBeLessThan(users);
  return { dataDir, file, cli, child, written };
}

test("an import that is killed is finished by importing again, which makes nobody twice", async () => {
  const { dataDir, file, cli, child, written } = await begun();
  child.kill("SIGKILL");
  await child.exited;
  const kept = written();
  const { code, record } = await cli(["import", file, "--account", "acme", "--json"]);
  expect(code).toBe(0);
  expect(record()).toMatchObject({ created: users - kept, unchanged: kept, failed: 0 });
  expect(written()).toBe(users);
  const left = [...new Bun.Glob("*").scanSync({ cwd: dataDir, dot: true })];
  expect(left.filter((name) => name.includes("import"))).toEqual([]);
});

test("an import ends with 1 and says so when its file changes under it", async () => {
  const { file, child, written } = await begun();
  appendFileSync(file, "\n");
  const [code, stderr] = [await child.exited, await new Response(child.stderr).text()];
  expect(code).toBe(1);
  expect(stderr).toStartWith("postern: The file was changed while it was read");
  expect(written()).toBeLessThan(users);
});
