import { beforeAll, expect, test } from "bun:test";
import { ensureDebian } from "../../scripts/support/ensure.ts";
import { cheapHashes, temporaryFolder } from "../support/postern.ts";
import { projectFolder } from "../support/source-files.ts";

beforeAll(() => ensureDebian({ curl: "curl" }));

test("one command builds and serves, its first line with `curl` logs in, and SIGTERM to it alone ends all it started", async () => {
  // The variable's address is nobody's, and reserved for examples (RFC 5737): the flag has to win.
  const command = ["npx", "--yes", `bun@${Bun.version}`, "run", "up", "--listen", "127.0.0.1:0"];
  const settings = { POSTERN_DATA_DIR: temporaryFolder(), POSTERN_LISTEN: "192.0.2.1:80", ...cheapHashes };
  const child = Bun.spawn(command, {
    cwd: projectFolder,
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  let answer: string | undefined;
  const decoder = new TextDecoder();
  // The loop ends once no process is left that could write: not npx, not the server.
  for await (const chunk of child.stdout) {
    printed += decoder.decode(chunk, { stream: true });
    const call = printed
      .split("\n")
      .slice(0, -1)
      .find((line) => line.includes("curl"));
    if (call === undefined || answer !== undefined) continue;
    answer = await new Response(Bun.spawn(["sh", "-c", call]).stdout).text();
    child.kill("SIGTERM");
  }

  expect(Object.keys(JSON.parse(answer ?? "null")).sort()).toEqual(["accessToken", "refreshToken"]);
  expect(printed).toContain(settings.POSTERN_DATA_DIR);
  await child.exited;
});
