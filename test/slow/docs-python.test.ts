import { test } from "bun:test";
import { join } from "node:path";
import { ensurePython } from "../../scripts/support/ensure.ts";
import { markedCode, readDocument } from "../support/documents.ts";
import { startLineProgram } from "../support/line-program.ts";
import { temporaryFolder } from "../support/postern.ts";
import { tryVerifier } from "../support/verifiers.ts";

test("docs/verify-a-token.md's Python program follows a rotation of keys, and refuses what is not for it", async () => {
  // PyJWT's own `crypto` extra is this second package.
  const modules = await ensurePython(["PyJWT==2.10.1", "cryptography==44.0.0"]);
  const folder = temporaryFolder();
  const code = markedCode(await readDocument("docs/verify-a-token.md"), "verify.py");
  await Bun.write(join(folder, "verify.py"), code);
  const env = { PYTHONPATH: modules, HOME: process.env["HOME"] ?? "" };
  await tryVerifier((issuer, audience) =>
    startLineProgram(["python3", "verify.py", issuer, audience], { cwd: folder, env }),
  );
});
