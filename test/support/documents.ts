import { join } from "node:path";

/** The folder that holds README.md. */
export const projectFolder = join(import.meta.dir, "../..");

/** A document of the repository, by its path. */
export function readDocument(path: string): Promise<string> {
  return Bun.file(join(projectFolder, path)).text();
}

/** The code that a document marks with `<!-- run: NAME -->`: what readers copy is what is tested. Throws when there is none. */
export function markedCode(document: string, name: string): string {
  const [, after] = document.split(`<!-- run: ${name} -->\n`);
  const code = /^```\w+\n(.*?)^```$/ms.exec(after ?? "")?.[1];
  if (code === undefined) throw new Error(`no code is marked as ${name}`);
  return code;
}

/** The code blocks of a language, from the top. */
export function codeBlocks(document: string, language: string): string[] {
  return [...document.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, own, code = ""]) =>
    own === language ? [code] : [],
  );
}

/** The part of a document under one heading, up to the next of its level or above. Throws when there is none. */
export function section(document: string, heading: string): string {
  const lines = document.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`there is no heading ${heading}`);
  const level = heading.indexOf(" ");
  const end = lines.findIndex((line, at) => at > start && /^#+ /.test(line) && line.indexOf(" ") <= level);
  return lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
}

/** The anchors of a document's headings, as they stand behind # in links. */
export function headingAnchors(document: string): string[] {
  const prose = document.replace(/^```.*?^```$/gms, "");
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
