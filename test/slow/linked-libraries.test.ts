import { beforeAll, expect, test } from "bun:test";
import { ensureDebian } from "../../scripts/support/ensure.ts";
import { binary } from "../support/postern.ts";

beforeAll(() => ensureDebian({ readelf: "binutils" }));

test("the executable is linked against nothing that an image with glibc alone lacks", async () => {
  const dynamic = await new Response(Bun.spawn(["readelf", "--dynamic", "--wide", binary]).stdout).text();
  const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].flatMap((match) => match[1] ?? []);
  expect(needed).toContain("libc.so.6");
  for (const library of needed)
    expect(library).toMatch(/^(lib(c|m|dl|pthread)\.so\.\d+|ld-linux.*\.so\.\d+)$/);
});
