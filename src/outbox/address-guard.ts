import ipaddr from "ipaddr.js";
import { ApiError } from "../lib/errors.ts";
import { inNetworks, type Network, parseAddress } from "../lib/networks.ts";
import { metadataAddresses } from "./metadata-addresses.ts";

const setting = "POSTERN_WEBHOOK_ALLOW_NETWORKS";

/**
 * As long as a URL may be: what servers commonly take (RFC 9110, section 4.1, asks for 8,000; a webhook needs no more
 * than this).
 */
const mostUrlCharacters = 2_048;

/** `why` completes "the address … is": whether the setting could open it is said too. */
type AddressJudgement =
  | { kind: "public" }
  | { kind: "named" }
  | { kind: "refused"; why: string; openable: boolean };

/**
 * Judges where a name led: undefined when every address may be connected to, otherwise why not, in a sentence. One
 * refused answer refuses them all, since which of them is used is chance. `networks` are those that the operator
 * opened.
 */
export function refusalOfTarget(
  url: URL,
  addresses: readonly string[],
  networks: readonly Network[],
): string | undefined {
  if (holdsUserinfo(url)) return userinfoRefused;
  if (addresses.length === 0) return `${url.hostname} has no address.`;
  for (const address of addresses) {
    const judgement = judgeAddress(address, networks);
    if (judgement.kind === "refused") return refusalSentence(url.hostname, address, judgement);
    if (url.protocol !== "https:" && judgement.kind !== "named")
      return `${subject(url.hostname, address)} is a public address: http is permitted only to networks that ${setting} names. Use https.`;
  }
  return undefined;
}

/**
 * Refuses the URL of a webhook that no delivery could go to. What a name resolves to is not asked here: that is
 * judged at each attempt. Throws INVALID_REQUEST, which names the setting that would permit it; never repeats a
 * password in the URL.
 */
export function checkWebhookUrl(text: string, networks: readonly Network[]): void {
  const problem = problemOfUrl(text, networks);
  if (problem !== undefined)
    throw new ApiError("INVALID_REQUEST", `A webhook cannot have this URL. ${problem}`);
}

function problemOfUrl(text: string, networks: readonly Network[]): string | undefined {
  const url = URL.parse(text);
  if (url === null) return "It is not a URL: write for example https://example.com/hook.";
  if (text.length > mostUrlCharacters) return `It is longer than ${mostUrlCharacters} characters.`;
  if (url.protocol !== "https:" && url.protocol !== "http:") return "It must begin with https://.";
  if (holdsUserinfo(url)) return userinfoRefused;
  const address = literalAddress(url);
  if (address !== undefined) return refusalOfTarget(url, [address], networks);
  if (url.protocol === "http:" && networks.length === 0)
    return `http is permitted only to networks that ${setting} names, and it names none. Use https.`;
  return undefined;
}

const userinfoRefused = "It holds a user or password: receivers check the signature instead.";

function holdsUserinfo(url: URL): boolean {
  return url.username !== "" || url.password !== "";
}

/** The address that a URL names without asking anybody: a numeric host, or `localhost` (RFC 6761, section 6.3). */
function literalAddress(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (host === "localhost" || host.endsWith(".localhost")) return "127.0.0.1";
  return parseAddress(host) === undefined ? undefined : host;
}

/**
 * Judges the bytes of an address. What is not known to be public is refused: new special ranges appear, public ones
 * do not.
 */
function judgeAddress(text: string, networks: readonly Network[]): AddressJudgement {
  const address = parseAddress(text);
  if (address === undefined) return { kind: "refused", why: "unreadable", openable: false };
  const carried = carriedIPv4(address);
  if ([address, carried].some((one) => one !== undefined && metadataAddresses.has(one.toString())))
    return { kind: "refused", why: "a cloud metadata address", openable: false };
  if (inNetworks(address.toString(), networks)) return { kind: "named" };
  // Behind NAT64 (RFC 6052) every IPv4 host has such an address: it is as public as what it carries.
  if (carried !== undefined && isWellKnownNat64(address)) return judgeAddress(carried.toString(), networks);
  const range = rangeOf(address);
  return range === "unicast"
    ? { kind: "public" }
    : { kind: "refused", why: nameOfRange[range] ?? "a reserved address", openable: true };
}

/**
 * ipaddr.js calls unicast what it has no name for; of IPv6 only 2000::/3 is handed out (IANA, "IPv6 Global Unicast
 * Address Space").
 */
function rangeOf(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  if (address instanceof ipaddr.IPv6 && !address.match(globalUnicast, 3)) {
    const range = address.range();
    return range === "unicast" ? "reserved" : range;
  }
  return address.range();
}

const globalUnicast = ipaddr.IPv6.parse("2000::");
const wellKnownNat64 = ipaddr.IPv6.parse("64:ff9b::");

function isWellKnownNat64(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address instanceof ipaddr.IPv6 && address.match(wellKnownNat64, 96);
}

/**
 * The IPv4 address inside an IPv6 one that a translator or tunnel would unpack: 6to4 (RFC 3056) carries it after its
 * prefix, IPv4- compatible (RFC 4291), SIIT (RFC 7915) and NAT64 (RFC 6052, RFC 8215) addresses in their last bytes.
 * Mapped ones are IPv4 already.
 */
function carriedIPv4(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | undefined {
  if (!(address instanceof ipaddr.IPv6)) return undefined;
  const bytes = address.toByteArray();
  const range = address.range();
  if (range === "6to4") return new ipaddr.IPv4(bytes.slice(2, 6));
  const compatible = bytes.slice(0, 12).every((byte) => byte === 0);
  return compatible || range === "rfc6052" || range === "rfc6145"
    ? new ipaddr.IPv4(bytes.slice(12))
    : undefined;
}

const nameOfRange: Record<string, string> = {
  unspecified: "an unspecified address",
  broadcast: "a broadcast address",
  multicast: "a multicast address",
  linkLocal: "a link-local address",
  loopback: "a loopback address",
  carrierGradeNat: "a carrier-grade NAT address",
  private: "a private address",
  uniqueLocal: "a private address",
};

function refusalSentence(
  host: string,
  address: string,
  { why, openable }: { why: string; openable: boolean },
): string {
  const said = `${subject(host, address)} is ${why}`;
  if (!openable) return `${said}: nothing is ever sent there.`;
  const bits = address.includes(":") ? 128 : 32;
  return `${said}: to permit it, set ${setting} to a network that holds it, for example ${setting}=${address}/${bits}.`;
}

function subject(host: string, address: string): string {
  const bare = host.replace(/^\[|\]$/g, "");
  return bare === address ? address : `${bare} leads to ${address}, which`;
}
