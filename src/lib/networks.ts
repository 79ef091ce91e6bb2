import ipaddr from "ipaddr.js";

/** One CIDR network. */
export type Network = { text: string; range: [ipaddr.IPv4 | ipaddr.IPv6, number] };

/** Reads one CIDR (`10.0.0.0/8`, `fd00::/8`) or a single address; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  try {
    const single = ipaddr.isValid(text);
    const range = ipaddr.parseCIDR(single ? `${text}/${text.includes(":") ? 128 : 32}` : text);
    return { text, range };
  } catch {
    return undefined;
  }
}

/**
 * Reads an address, an IPv4-mapped IPv6 one (`::ffff:10.0.0.1`) as the IPv4 address it means, so that one host has one
 * spelling; undefined when it is none.
 */
export function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = text.split("%")[0] ?? "";
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : undefined;
}

/** Whether the address lies in one of the networks. An unreadable address lies in none. */
export function inNetworks(address: string, networks: readonly Network[]): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  return networks.some(
    ({ range: [base, bits] }) => parsed.kind() === base.kind() && parsed.match(base, bits),
  );
}
