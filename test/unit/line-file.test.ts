import { expect, test } from "bun:test";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Line, openLineFile } from "../../src/lib/line-file.ts";
import { temporaryFolder } from "../support/postern.ts";

async function linesOf(content: string | Uint8Array, mostBytes = 1_000): Promise<Line[]> {
  const file = join(temporaryFolder(), "lines");
  writeFileSync(file, content);
  const opened = await openLineFile(file, mostBytes);
  const lines: Line[] = [];
  for await (const line of opened.lines()) lines.push(line);
  await opened.close();
  return lines;
}

test("lines are numbered from 1, and those that hold nothing are counted but not told", async () => {
  expect(await linesOf("a\n\n \t\r\nb")).toEqual([
    { number: 1, text: "a" },
    { number: 4, text: "b" },
  ]);
  expect(await linesOf("")).toEqual([]);
});

test("a line of as many bytes as are allowed is read, one more is not, and the next one is read again", async () => {
  const [fits, tooLong, next] = await linesOf(`${"é".repeat(5)}\n${"x".repeat(11)}\nb`, 10);
  expect([fits, next]).toEqual([
    { number: 1, text: "ééééé" },
    { number: 3, text: "b" },
  ]);
  expect(tooLong).toEqual({ number: 2, fault: "the line is longer than 10 bytes" });
});

test("a line that is longer than what is read at a time comes whole, whatever lies at the seams", async () => {
  const long = "é".repeat(300_000);
  const lines = await linesOf(`a${long}\n${long}\n${"b\n".repeat(300_000)}`, 1_000_000);
  expect(lines[0]).toEqual({ number: 1, text: `a${long}` });
  expect(lines[1]).toEqual({ number: 2, text: long });
  expect(lines).toHaveLength(300_002);
});

test("a line that is not UTF-8 is told as such, and the next one is read", async () => {
  expect(await linesOf(Uint8Array.of(0xc3, 0x0a, 0x62, 0x0a))).toEqual([
    { number: 1, fault: "the line is not UTF-8" },
    { number: 2, text: "b" },
  ]);
});

test("a file is read from its beginning each time, and tells when it has changed since it was opened", async () => {
  const file = join(temporaryFolder(), "lines");
  writeFileSync(file, "a\nb\n");
  const opened = await openLineFile(file, 10);
  for (let reading = 0; reading < 2; reading += 1) {
    const numbers: number[] = [];
    for await (const { number } of opened.lines()) numbers.push(number);
    expect(numbers).toEqual([1, 2]);
  }
  expect(await opened.isUnchanged()).toBe(true);
  appendFileSync(file, "c\n");
  expect(await opened.isUnchanged()).toBe(false);
  await opened.close();
});
