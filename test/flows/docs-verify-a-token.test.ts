import { test } from "bun:test";
import { join } from "node:path";
import { markedCode, readDocument } from "../support/documents.ts";
import { startLineProgram } from "../support/line-program.ts";
import { temporaryFolder } from "../support/postern.ts";
import { modulesOf, tryVerifier } from "../support/verifiers.ts";

test("docs/verify-a-token.md's TypeScript program follows a rotation of keys, and refuses what is not for it", async () => {
  const folder = temporaryFolder();
  const code = markedCode(await readDocument("docs/verify-a-token.md"), "verify.ts");
  await Bun.write(join(folder, "verify.ts"), code);
  modulesOf(folder);
  await tryVerifier((issuer, audience) =>
    startLineProgram([process.execPath, "verify.ts", issuer, audience], { cwd: folder }),
  );
});
