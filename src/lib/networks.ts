import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** One CIDR network. */
export type Network = { text: string; range: [Address, number] };

/**
 * Reads one CIDR (`10.0.0.0/8`, `fd00::/8`) or a single address; undefined when it is neither. A network of
 * IPv4-mapped addresses (`::ffff:10.0.0.0/104`) becomes the IPv4 network it means, since addresses are compared in
 * that form too.
 */
export function parseNetwork(text: string): Network | undefined {
  const [, written = "", bitsWritten] = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const base = readAddress(written);
  if (base === undefined) return undefined;
  const length = base.kind() === "ipv4" ? 32 : 128;
  const bits = bitsWritten === undefined ? length : Number(bitsWritten);
  if (bits > length) return undefined;
  const mapped = base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= 96;
  return { text, range: mapped ? [base.toIPv4Address(), bits - 96] : [base, bits] };
}

/**
 * Reads an address, an IPv4-mapped IPv6 one (`::ffff:10.0.0.1`) as the IPv4 address it means, so that one host has one
 * spelling; undefined when it is none.
 */
export function parseAddress(text: string): Address | undefined {
  const address = readAddress(text.split("%")[0] ?? "");
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/**
 * IPv4 in four decimal parts only: `10` and `010.0.0.1`, which inet_aton reads as 0.0.0.10 and 8.0.0.1, mean
 * something else to people.
 */
function readAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return undefined;
  // ipaddr.js takes `::10.0.0.1` for an IPv4-mapped address, and the system does not: URL writes such tails in
  // hexadecimal.
  const hexadecimal = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
  return hexadecimal === undefined ? undefined : ipaddr.IPv6.parse(hexadecimal);
}

/** Whether the address lies in one of the networks. An unreadable address lies in none. */
export function inNetworks(address: string, networks: readonly Network[]): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  return networks.some(
    ({ range: [base, bits] }) => parsed.kind() === base.kind() && parsed.match(base, bits),
  );
}
