import Type from "typebox";
import { type Network, parseNetwork } from "../lib/networks.ts";
import { readListenAddress, readOrigin, readPublicUrl } from "./addresses.ts";
import { Fault, shown } from "./fault.ts";
import { readList } from "./kinds.ts";
import { type Notes, setting, type Unset, type Words } from "./notes.ts";

/** Linux' PATH_MAX: a longer path opens nothing. */
const longestPath = 4_096;

const address = () => ({ host: Type.String(), port: Type.Integer({ minimum: 0, maximum: 65_535 }) });

/** Where to listen. */
export function listenAddress({ fallback, ...words }: Words & { fallback: string }) {
  const options = { default: readListenAddress(fallback), description: words.meaning };
  return setting(Type.Object(address(), options), {
    ...words,
    fallback: { text: fallback },
    wanted: "host:port",
    read: readListenAddress,
  });
}

/** Where to listen, or `off`. */
export function optionalListenAddress(words: Words) {
  return setting(Type.Optional(Type.Object(address(), { description: words.meaning })), {
    ...words,
    fallback: { text: "off" },
    wanted: "host:port or off",
    read: (text) => (text === "off" ? undefined : readListenAddress(text)),
  });
}

/** A path that is always known. */
export function path({ fallback, ...words }: Words & { fallback: string }) {
  const schema = Type.String({ default: fallback, description: words.meaning });
  return setting(schema, { ...pathNotes(words), fallback: { text: fallback } });
}

/** A path that need not be. */
export function optionalPath({ unset, ...words }: Words & Unset) {
  const schema = Type.Optional(Type.String({ description: words.meaning }));
  return setting(schema, { ...pathNotes(words), fallback: { words: unset } });
}

function pathNotes(words: Words): Omit<Notes, "fallback"> {
  return { ...words, wanted: "a path", read: readPath };
}

/**
 * Reads a path. A line break or 32 bytes in base64url are a key that was pasted where its file's name belongs. Throws
 * Fault, which never repeats the text for that reason.
 */
export function readPath(text: string): string {
  const control = [...text].some((character) => character < " ");
  if (control || /^[\w-]{43}=?$/.test(text))
    throw new Fault("must be the path of a file, not what the file holds");
  if (Buffer.byteLength(text) > longestPath)
    throw new Fault(`must be a path of at most ${longestPath} bytes`);
  return text;
}

/** The URL under which clients reach the server. */
export function optionalUrl({ unset, ...words }: Words & Unset) {
  return setting(Type.Optional(Type.String({ maxLength: 2_048, description: words.meaning })), {
    ...words,
    fallback: { words: unset },
    wanted: "a URL of at most 2048 characters",
    read: readPublicUrl,
  });
}

/** CIDR networks. The bound keeps requests from walking a list without end. */
export function networks(words: Words) {
  const options = { default: [], maxItems: 500, description: words.meaning };
  return setting(Type.Array(Type.Unsafe<Network>({ type: "object" }), options), {
    ...words,
    fallback: { text: "none" },
    wanted: "at most 500 networks",
    read: (text) => readList(text, readNetwork),
  });
}

function readNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network === undefined)
    throw new Fault(`must be networks in CIDR form separated by commas, and ${shown(text)} is none`);
  return network;
}

/** Origins of web pages. */
export function origins(words: Words) {
  const options = { default: [], maxItems: 100, description: words.meaning };
  return setting(Type.Array(Type.String(), options), {
    ...words,
    fallback: { text: "none" },
    wanted: "at most 100 origins",
    read: (text) => readList(text, readOrigin),
  });
}
