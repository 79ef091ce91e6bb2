import { expect, test } from "bun:test";
import { startBinary } from "../support/postern.ts";

test("the program prints nothing but its own log lines and what it says to a person", async () => {
  const postern = await startBinary();
  // Routes are compiled at their first request, and that is when the framework complains.
  const document: { paths: Record<string, Record<string, unknown>> } = JSON.parse(
    await (await postern.get("/swagger/json")).text(),
  );
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of Object.keys(methods)) {
      await fetch(`${postern.url}${path.replace(/\{.*?\}/g, "x")}`, { method: method.toUpperCase() });
    }
  }
  await postern.end();
  const known = /^(\{"time":.*|Postern .* answers at .*|The first user is .*|\s*printf .*|postern: .*|)$/;
  expect(
    postern
      .output()
      .split("\n")
      .filter((line) => !known.test(line)),
  ).toEqual([]);
});
