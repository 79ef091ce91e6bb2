import { beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { atEnd, binary, startBinary, temporaryFolder } from "../support/postern.ts";

/** Runs the compiled program to its end in a folder, with no variable of ours but those given. */
async function run(cwd: string, parameters: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([binary, ...parameters], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const [code, out, err] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, out, err };
}

describe("the executable, started in somebody else's folder", () => {
  const planted = {
    ".env": "POSTERN_DATA_DIR=/planted/by/dotenv\nPOSTERN_LISTEN=nonsense\n",
    ".env.production": "POSTERN_DATA_DIR=/planted/by/dotenv\n",
    "bunfig.toml": 'preload = ["./planted.ts"]\n[test]\npreload = ["./planted.ts"]\n',
    "planted.ts": 'console.log("the preload ran");\nprocess.exit(66);\n',
    "tsconfig.json": "this is not JSON",
    "package.json": "nor is this",
  };
  let folder = "";

  beforeAll(async () => {
    folder = join(temporaryFolder(), "read-only");
    await mkdir(folder);
    for (const [name, text] of Object.entries(planted)) await writeFile(join(folder, name), text);
    await chmod(folder, 0o555);
    atEnd(() => chmod(folder, 0o755));
  });

  test("runs no preload that a bunfig.toml there names, and tells the version it was built from", async () => {
    expect(await run(folder, ["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  test("takes no setting from a .env there", async () => {
    const { code, out, err } = await run(folder, ["account", "list"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(join(folder, "data"));
    expect(err).not.toContain("planted");
  });

  test("reads the settings of its environment all the same", async () => {
    const { code, err } = await run(folder, ["account", "list"], { POSTERN_DATA_DIR: "/somewhere/else" });
    expect(code).toBe(1);
    expect(err).toContain("/somewhere/else");
  });

  test("writes nothing there", async () => {
    await run(folder, ["--version"]);
    expect((await readdir(folder)).sort()).toEqual(Object.keys(planted).sort());
  });
});

test("the executable wants no home folder, no terminal and no variable at all", async () => {
  const { code, out } = await run("/", ["--help"]);
  expect(code).toBe(0);
  expect(out).toContain("serve");
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "the server finishes what is in flight although %s reaches it twice",
  async (signal) => {
    const server = await startBinary();
    const body = JSON.stringify({ email: "nobody@example.com", password: "a wrong one" });
    const { hostname, port } = new URL(server.url);
    const { promise: answer, resolve } = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: { data: (_socket, bytes) => resolve(bytes.toString()) },
    });
    const head = `POST /v3/accounts/login HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`);
    await fetch(`${server.url}/health/live`);

    // As Ctrl-C does where the server runs under `bun run up`: once from the terminal, again from each program between.
    process.kill(server.pid, signal);
    await server.line(/"message":"stopping"/);
    process.kill(server.pid, signal);
    socket.write(body.slice(9));

    expect(await answer).toStartWith("HTTP/1.1 400 ");
    expect(await server.end(signal)).toBe(0);
    expect(server.output()).toContain('"message":"stopped"');
  },
);
