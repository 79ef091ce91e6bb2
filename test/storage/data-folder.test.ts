import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { systemRandom } from "../../src/lib/random.ts";
import { dataFolder, makeDataFolder, serverKey } from "../../src/storage/data-folder.ts";
import { binary, temporaryFolder } from "../support/postern.ts";

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** The key of a data folder that was just made. */
function madeFolder() {
  const folder = dataFolder(join(temporaryFolder(), "made/here"));
  makeDataFolder(folder);
  const keyFile = join(folder.path, "secret.key");
  return { folder, keyFile, key: () => serverKey(folder, keyFile, systemRandom) };
}

describe("the data folder", () => {
  test("is made for its owner alone, and one that was open to others is closed", () => {
    const path = join(temporaryFolder(), "data");
    makeDataFolder(dataFolder(path));
    expect(modeOf(path)).toBe("700");
    chmodSync(path, 0o755);
    makeDataFolder(dataFolder(path));
    expect(modeOf(path)).toBe("700");
  });

  test("that holds other things already keeps its mode: it is not ours to close", () => {
    const path = temporaryFolder();
    writeFileSync(join(path, "of-somebody-else"), "");
    chmodSync(path, 0o755);
    makeDataFolder(dataFolder(path));
    expect(modeOf(path)).toBe("755");
  });

  test("that cannot be made is told with the setting that names another", () => {
    const file = join(temporaryFolder(), "a-file");
    writeFileSync(file, "");
    const path = join(file, "data");
    expect(() => makeDataFolder(dataFolder(path))).toThrow(
      new RegExp(`^The data folder ${path} cannot be made: .+ Set POSTERN_DATA_DIR, for example `),
    );
  });

  test("holds nothing that others may read, whatever the shell's umask", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const create = [
      binary,
      "account",
      "create",
      "--alias",
      "acme",
      "--company",
      "Acme",
      "--data-dir",
      dataDir,
    ];
    const child = Bun.spawn(["sh", "-c", 'umask 0; exec "$@"', "sh", ...create], {
      env: {},
      stdout: "ignore",
    });
    expect(await child.exited).toBe(0);
    const files = readdirSync(dataDir);
    expect(files).toContain("secret.key");
    expect(files).toContain("postern.db");
    expect(files.map((file) => `${file} ${modeOf(join(dataDir, file))}`)).toEqual(
      files.map((file) => `${file} 600`),
    );
    expect(modeOf(dataDir)).toBe("700");
  });
});

describe("the server key", () => {
  test("is made once, 32 bytes that only their owner may read", () => {
    const { folder, keyFile, key } = madeFolder();
    const made = key();
    expect(made).toHaveLength(32);
    expect(key()).toEqual(made);
    expect(readFileSync(keyFile, "utf8")).toMatch(/^[\w-]{43}\n$/);
    expect(modeOf(keyFile)).toBe("600");
    expect(readdirSync(folder.path)).toEqual(["secret.key"]);
    expect(madeFolder().key()).not.toEqual(made);
  });

  test("is one, though several processes make it at once", async () => {
    const { folder, key } = madeFolder();
    const source = join(import.meta.dir, "../../src");
    const program = `
      const { dataFolder, serverKey } = require("${source}/storage/data-folder.ts");
      const { systemRandom } = require("${source}/lib/random.ts");
      await Bun.stdin.text();
      console.log(Buffer.from(serverKey(dataFolder("."), "secret.key", systemRandom)).toString("hex"));`;
    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, "-e", program], { cwd: folder.path, stdin: "pipe", stdout: "pipe" }),
    );
    for (const child of children) child.stdin.end();
    const printed = await Promise.all(children.map((child) => new Response(child.stdout).text()));
    expect(printed).toEqual(printed.map(() => `${Buffer.from(key()).toString("hex")}\n`));
    expect(readdirSync(folder.path)).toEqual(["secret.key"]);
  });

  test("may be padded, and end with a line end or not", () => {
    const { keyFile, key } = madeFolder();
    const made = key();
    const text = readFileSync(keyFile, "utf8").trim();
    for (const spelling of [text, `${text}=\n`, `${text}\r\n`]) {
      writeFileSync(keyFile, spelling);
      expect(key()).toEqual(made);
    }
  });

  const malformed = {
    "an empty one": "",
    "one of 31 bytes": Buffer.alloc(31).toString("base64url"),
    "one of 33 bytes": Buffer.alloc(33).toString("base64url"),
    "one in plain base64": Buffer.alloc(32, 255).toString("base64"),
    "one with something behind it": `${Buffer.alloc(32).toString("base64url")} old`,
    "two of them": `${Buffer.alloc(32).toString("base64url")}\n${Buffer.alloc(32).toString("base64url")}`,
  };
  for (const [what, content] of Object.entries(malformed)) {
    test(`is refused where its file holds ${what}`, () => {
      const { keyFile, key } = madeFolder();
      writeFileSync(keyFile, content);
      expect(key).toThrow(
        `The server key ${keyFile} is not 32 bytes in base64url (43 characters): put the right file there.`,
      );
      expect(readFileSync(keyFile, "utf8")).toBe(content);
    });
  }

  test("that cannot be read or written is told", () => {
    const { folder, keyFile, key } = madeFolder();
    mkdirSync(keyFile);
    expect(key).toThrow(`The server key ${keyFile} cannot be read: `);
    const nowhere = join(folder.path, "a-file/secret.key");
    writeFileSync(join(folder.path, "a-file"), "");
    expect(() => serverKey(folder, nowhere, systemRandom)).toThrow(
      `The server key ${nowhere} cannot be written: `,
    );
  });
});

describe("a database and its server key", () => {
  const run = (dataDir: string, ...args: string[]) => {
    const { exitCode, stderr } = Bun.spawnSync([binary, ...args, "--data-dir", dataDir], { env: {} });
    return { exitCode, refused: stderr.toString() };
  };
  const usedFolder = () => {
    const dataDir = temporaryFolder();
    expect(run(dataDir, "account", "create", "--alias", "acme", "--company", "Acme").exitCode).toBe(0);
    return { dataDir, keyFile: join(dataDir, "secret.key") };
  };
  const anyCommand = ["account", "list"];

  for (const args of [anyCommand, ["serve", "--listen", "127.0.0.1:0"]]) {
    test(`without its key is refused by ${args[0]}, and is given no new one`, () => {
      const { dataDir, keyFile } = usedFolder();
      rmSync(keyFile);
      const { exitCode, refused } = run(dataDir, ...args);
      expect(exitCode).toBe(1);
      expect(refused).toContain(`The server key ${keyFile} is missing`);
      expect(existsSync(keyFile)).toBe(false);
    });
  }

  test("is refused with another key", () => {
    const { dataDir, keyFile } = usedFolder();
    const right = readFileSync(keyFile);
    writeFileSync(keyFile, Buffer.alloc(32, 1).toString("base64url"));
    const { exitCode, refused } = run(dataDir, ...anyCommand);
    expect(exitCode).toBe(1);
    expect(refused).toContain("The server key is not the one that this database was made with");
    writeFileSync(keyFile, right);
    expect(run(dataDir, ...anyCommand).exitCode).toBe(0);
  });

  test("is refused with a malformed key", () => {
    const { dataDir, keyFile } = usedFolder();
    writeFileSync(keyFile, "not a key");
    const { exitCode, refused } = run(dataDir, ...anyCommand);
    expect(exitCode).toBe(1);
    expect(refused).toContain("is not 32 bytes in base64url");
  });
});
