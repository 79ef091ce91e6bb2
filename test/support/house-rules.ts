import { basename } from "node:path";
import type { SourceFile } from "./source-files.ts";

/** What may import what: a file imports from its own layer or from one to the left. */
const layers = "lib config http features outbox storage ops app compose cli main".split(" ");

/** The same between features, which know only the models and decisions of earlier ones. */
const features =
  "audit accounts resellers organizations users webhooks sessions two-factor login enrolment profile access-tokens import".split(
    " ",
  );

/** Files outside src/ that are part of the program, and who embeds them. */
const embedded: [file: RegExp, owner: RegExp][] = [
  [/^\.\.\/package\.json$/, /^lib\/version\.ts$/],
  [/^\.\.\/drizzle\/\w+\.sql$/, /^storage\//],
];

/** Each rule answers a sentence for every place that breaks it. */
export type Rule = (file: SourceFile) => string[];

export const everyFileHasItsPlace: Rule = ({ path }) => {
  const feature = featureOf(path);
  if (layers.includes(layerOf(path)) && (feature === undefined || features.includes(feature))) return [];
  return [`${path} is in no layer, or in no feature, that test/support/house-rules.ts lists`];
};

export const importsGoOneWay: Rule = ({ path, files }) =>
  files
    .filter((target) => !isEmbedded(target, path))
    .filter((target) => rank(layers, layerOf(target)) > rank(layers, layerOf(path)))
    .map((target) => `${path} imports ${target}, which lies to its right`);

export const featuresKnowOnlyEarlierOnes: Rule = ({ path, files }) => {
  const own = featureOf(path);
  if (own === undefined) return [];
  return files.flatMap((target) => {
    const other = featureOf(target);
    if (other === undefined || other === own) return [];
    if (rank(features, other) > rank(features, own)) return [`${path} imports ${target}, a later feature`];
    if (/^(routes|store)\.ts$/.test(basename(target)))
      return [`${path} imports ${target}, which is ${other}'s own`];
    return [];
  });
};

/** Everything that only some files may know: a package, or a global that the code names. */
type Owned = { what: string; packages?: RegExp; code?: RegExp; owners: RegExp };

const owned: Owned[] = [
  {
    what: "Elysia",
    packages: /^(elysia|@elysiajs\/.*)$/,
    // The enrolment ticket is the one use of the jwt plugin, which is an Elysia plugin: routes.ts takes it from there.
    owners:
      /^(http|ops)\/|^app\.ts$|^features\/[^/]+\/(routes|model)\.ts$|^features\/two-factor\/enrolment-ticket\.ts$/,
  },
  { what: "Drizzle and SQLite", packages: /^(drizzle-orm(\/.*)?|bun:sqlite)$/, owners: /^storage\// },
  {
    what: "SQL",
    code: /\b(SELECT\s.+\sFROM|INSERT INTO|UPDATE\s\w+\sSET|DELETE FROM|PRAGMA\s)/s,
    owners: /^storage\//,
  },
  {
    what: "the network",
    packages: /^(node:(https|http2|tls|dgram)|undici|ws)$/,
    // A call; a property or a method of that name is somebody's handler.
    code: /(?<![.\w])fetch\s*\((?![^()]*\)\s*\{)|\bglobalThis\.fetch\b|\bBun\.(connect|udpSocket)\b|\bnew WebSocket\b/,
    // The second asks this machine alone, for `postern health`.
    owners: /^lib\/(outbound|local-health)\.ts$/,
  },
  {
    what: "the clock",
    code: /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()|(?<!new )\bDate\(|\bperformance\.now\b|\bhrtime\b|\bBun\.(nanoseconds|sleep)|\bset(Timeout|Interval)\b/,
    owners: /^lib\/clock\.ts$/,
  },
  {
    what: "randomness",
    code: /\bMath\.random\b|\brandom(Bytes|Int|UUID|UUIDv7|FillSync|Fill)\b|\bgetRandomValues\b/,
    owners: /^lib\/random\.ts$/,
  },
];

export const eachThingHasOneOwner: Rule = ({ path, packages, code }) =>
  owned
    .filter(({ owners }) => !owners.test(path))
    .filter((thing) => packages.some((name) => thing.packages?.test(name)) || thing.code?.test(code))
    .map(({ what }) => `${path} knows ${what}, which is not its business`);

/** A model is a description: of all that Elysia has, it may take the schema builder. */
export const modelsTakeOnlyTheSchemaBuilder: Rule = ({ path, source }) => {
  if (basename(path) !== "model.ts") return [];
  const taken = [...source.matchAll(/import ([^;]*?) from "(elysia|@elysiajs\/[^"]*)"/g)];
  return taken
    .filter((match) => match[1] !== "{ t }")
    .map((match) => `${path} takes ${match[1]} from ${match[2]}`);
};

/** A name that says nothing collects everything. */
export const namesSaySomething: Rule = ({ path }) =>
  path.split(/[/.]/).some((part) => /(^|-)(utils?|helpers?|common|misc)$/.test(part))
    ? [`${path} has a name that says nothing`]
    : [];

export const longestFile = 300;

/** A longer file names the number in a comment among its first lines, with the reason. */
export const longFilesSayWhy: Rule = ({ path, source }) => {
  const lines = source.split("\n");
  if (lines.length - 1 <= longestFile) return [];
  const excused = lines.slice(0, 10).some((line) => /^\s*(\/\/|\/?\*).*\b300 lines\b/.test(line));
  return excused ? [] : [`${path} has ${lines.length - 1} lines and does not say why at its head`];
};

/** `any` and the non-null `!` are the linter's to find: what is looked for here is a comment that silences it or the compiler. */
export const nothingIsLeftForLater: Rule = ({ path, source }) =>
  [
    "TO" + "DO",
    "FIX" + "ME",
    "@ts-" + "ignore",
    "@ts-" + "expect-error",
    "@ts-" + "nocheck",
    "biome-" + "ignore",
  ]
    .filter((word) => source.includes(word))
    .map((word) => `${path} has ${word}`);

function isEmbedded(target: string, path: string): boolean {
  return embedded.some(([file, owner]) => file.test(target) && owner.test(path));
}

/** `features/login/login.ts` is of `features`, `app.ts` of `app`. */
function layerOf(path: string): string {
  return (path.split("/")[0] ?? "").replace(/\.ts$/, "");
}

function featureOf(path: string): string | undefined {
  return /^features\/([^/]+)\//.exec(path)?.[1];
}

/** The place in an order; what has no place in it is to the right of everything, so that it must be given one. */
function rank(order: string[], name: string): number {
  const place = order.indexOf(name);
  return place === -1 ? order.length : place;
}
