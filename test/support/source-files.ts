import { dirname, join, normalize } from "node:path";

/** The project's folder. */
export const projectFolder = join(import.meta.dir, "../..");

export type SourceFile = {
  /** Within src/, such as `features/login/login.ts`. */
  path: string;
  source: string;
  /** What is left to run: no comment, no type. */
  code: string;
  /** The files that it imports, as paths within src/: `../package.json` lies outside. */
  files: string[];
  /** The packages that it imports, and modules of the runtime such as `node:crypto`. */
  packages: string[];
};

/** Every TypeScript file of the program, declarations apart. */
export async function readSourceFiles(): Promise<SourceFile[]> {
  const folder = join(projectFolder, "src");
  const paths = [...new Bun.Glob("**/*.ts").scanSync({ cwd: folder })].filter(
    (path) => !path.endsWith(".d.ts"),
  );
  return Promise.all(
    paths.sort().map(async (path) => sourceFile(path, await Bun.file(join(folder, path)).text())),
  );
}

export function sourceFile(path: string, source: string): SourceFile {
  const imports = [...new Set([...written(source), ...scanned(source)])];
  const isFile = (name: string) => name.startsWith(".");
  return {
    path,
    source,
    code: new Bun.Transpiler({ loader: "ts" }).transformSync(source),
    files: imports.filter(isFile).map((name) => normalize(join(dirname(path), name))),
    packages: imports.filter((name) => !isFile(name)),
  };
}

/** What runs imports; Bun's scanner leaves out all that serves types alone. */
export function scanned(source: string): string[] {
  return new Bun.Transpiler({ loader: "ts" }).scanImports(source).map(({ path }) => path);
}

/** What is written as an import, types included. A pattern does for this, since the formatter writes all imports alike. */
export function written(source: string): string[] {
  const forms = [
    /^(?:import|export)\b[^"';]*?\bfrom "([^"]+)"/gm,
    /^import "([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"/g,
  ];
  return forms.flatMap((form) => [...source.matchAll(form)].flatMap((match) => match[1] ?? []));
}
