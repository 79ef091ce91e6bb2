import { inNetworks, type Network, parseAddress } from "../lib/networks.ts";

/** Hops that are read of a forwarding header: more is no real chain of proxies. */
const mostHops = 32;

/**
 * The client's address in its one canonical spelling. `X-Forwarded-For` counts only when the peer is a trusted proxy,
 * and is read from the right: the last address that no trusted proxy vouches for is the client's. Anything further
 * left may be invented.
 */
export function clientAddress(
  peer: string | null,
  forwardedFor: string | null,
  trusted: readonly Network[],
): string | null {
  if (peer === null) return null;
  let address = canonical(peer);
  const hops = (forwardedFor ?? "").split(",").slice(-mostHops).reverse();
  for (const hop of hops) {
    if (!inNetworks(address, trusted)) break;
    const parsed = parseAddress(hop.trim());
    // What cannot be read cannot be vouched for: the proxy itself is the last address that is known.
    if (parsed === undefined) break;
    address = parsed.toString();
  }
  return address;
}

function canonical(address: string): string {
  return parseAddress(address)?.toString() ?? address;
}
