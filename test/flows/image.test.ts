import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { binary } from "../support/postern.ts";
import { projectFolder } from "../support/source-files.ts";

type Instruction = { name: string; value: string };

/** The instructions of a Dockerfile, lines that end in a backslash joined, comments left out. */
function instructionsOf(text: string): Instruction[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const whole = lines.join("\n").replaceAll("\\\n", " ").split("\n");
  return whole.flatMap((line) => {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line.replace(/\s+/g, " ").trim());
    return match === null ? [] : [{ name: match[1] ?? "", value: match[2] ?? "" }];
  });
}

const instructions = instructionsOf(await Bun.file(join(projectFolder, "Dockerfile")).text());
const start = instructions.findLastIndex(({ name }) => name === "FROM");
const lastStage = instructions.slice(start);

function values(stage: Instruction[], name: string): string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ value }) => value);
}

describe("the image", () => {
  test("is built in one stage with the Bun that the README names, and shipped in another", async () => {
    const readme = await Bun.file(join(projectFolder, "README.md")).text();
    const [build, ...rest] = values(instructions, "FROM");
    const named = /oven\/bun:(\S+) AS build$/.exec(build ?? "")?.[1];
    expect(readme).toContain(`bun@${named} run up`);
    expect(rest).toHaveLength(1);
    expect(rest[0]).toEndWith(":nonroot");
  });

  test("holds the executable and an empty data folder, and runs nothing while it is put together", () => {
    expect(values(lastStage, "COPY")).toEqual([
      "--from=build /out/postern /usr/local/bin/postern",
      "--from=build --chown=65532:65532 /out/data /data",
    ]);
    expect([...values(lastStage, "ADD"), ...values(lastStage, "RUN")]).toEqual([]);
  });

  test("does not run as root", () => {
    expect(values(lastStage, "USER")).toEqual(["65532:65532"]);
  });

  test("keeps its data in a volume, listens on all addresses, and cannot be turned into the bun command", () => {
    expect(values(lastStage, "VOLUME")).toEqual(["/data"]);
    expect(values(lastStage, "ENV").flatMap((value) => value.split(" "))).toEqual([
      "POSTERN_DATA_DIR=/data",
      "POSTERN_LISTEN=0.0.0.0:8080",
      "BUN_OPTIONS=",
      "BUN_BE_BUN=",
    ]);
  });

  test("serves, and asks the server itself whether it is well", () => {
    expect(values(lastStage, "ENTRYPOINT")).toEqual(['["postern"]']);
    expect(values(lastStage, "CMD")).toEqual(['["serve"]']);
    expect(values(lastStage, "HEALTHCHECK")[0]).toEndWith('CMD ["postern", "health"]');
  });

  test("has an executable for which an empty BUN_BE_BUN and BUN_OPTIONS are as good as unset", async () => {
    const child = Bun.spawn([binary, "--help"], { env: { BUN_BE_BUN: "", BUN_OPTIONS: "" }, stdout: "pipe" });
    expect(await new Response(child.stdout).text()).toContain("postern");
    expect(await child.exited).toBe(0);
  });
});
