import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { markedCode, readDocument } from "../support/documents.ts";
import { startLineProgram } from "../support/line-program.ts";
import { temporaryFolder } from "../support/postern.ts";

/** Asks the document's function for each line of its input, which is the JSON list of its parameters. */
const asker = `
import json, sys
for line in iter(sys.stdin.readline, ""):
    token, body, signature = json.loads(line)
    print(is_genuine(token, body.encode(), signature), flush=True)
`;

test("docs/webhooks.md's Python function accepts what was signed with the token, and nothing else", async () => {
  const folder = temporaryFolder();
  const code = markedCode(await readDocument("docs/webhooks.md"), "genuine.py");
  await Bun.write(join(folder, "genuine.py"), code + asker);
  const program = startLineProgram(["python3", "genuine.py"], { cwd: folder });
  const isGenuine = (...given: [token: string, body: string, signature: string]) =>
    program.ask(JSON.stringify(given));
  const [token, body] = ["a token, its é too", '{"event":"account.logged-in","data":{"name":"Ada ☃"}}'];
  const signature = createHmac("sha256", token).update(body).digest("base64");
  expect(await isGenuine(token, body, signature)).toBe("True");
  expect(await isGenuine("another", body, signature)).toBe("False");
  expect(await isGenuine(token, `${body} `, signature)).toBe("False");
  for (const wrong of ["", "garbage", "é", Buffer.alloc(32).toString("base64")])
    expect(await isGenuine(token, body, wrong)).toBe("False");
});
