import { describe, expect, test } from "bun:test";
import { clientAddress } from "../../src/http/client-address.ts";
import { type Network, parseNetwork } from "../../src/lib/networks.ts";

const networks = (...texts: string[]): Network[] =>
  texts.map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new Error(`${text} is no network`);
    return network;
  });

const proxies = networks("10.0.0.0/8", "fd00::/8");

describe("the client's address", () => {
  test.each<[string, string | null, string | null, string | null]>([
    ["is the peer's without a header", "203.0.113.9", null, "203.0.113.9"],
    ["is the peer's whatever an untrusted peer claims", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["is what a trusted proxy saw", "10.0.0.1", "198.51.100.1", "198.51.100.1"],
    [
      "is the last that no trusted proxy vouches for",
      "10.0.0.1",
      "1.1.1.1, 198.51.100.1, 10.2.0.2",
      "198.51.100.1",
    ],
    [
      "is not what the client put left of it",
      "10.0.0.1",
      "10.9.9.9, 127.0.0.1, 198.51.100.1",
      "198.51.100.1",
    ],
    ["is the proxy's own when the header is empty", "10.0.0.1", "", "10.0.0.1"],
    ["is the proxy's own when the header is missing", "10.0.0.1", null, "10.0.0.1"],
    ["is the first hop's when all are trusted", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["is the last that can be read", "10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"],
    ["is the proxy's own when it says nonsense", "10.0.0.1", "<script>", "10.0.0.1"],
    ["is not read from a port's company", "10.0.0.1", "198.51.100.1:4711", "10.0.0.1"],
    ["is IPv6 in its shortest form", "2001:DB8:0:0:0:0:0:1", null, "2001:db8::1"],
    ["is IPv4 when it comes in IPv6 clothes", "::ffff:203.0.113.9", null, "203.0.113.9"],
    ["is trusted as IPv4 in IPv6 clothes too", "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["comes through a proxy with an IPv6 address", "fd00::1", "2001:db8::2", "2001:db8::2"],
    ["is unknown where there is no socket", null, "198.51.100.1", null],
  ])("%s", (_, peer, header, expected) => {
    expect(clientAddress(peer, header, proxies)).toBe(expected);
  });

  test("is the peer's when no proxy is trusted", () => {
    expect(clientAddress("127.0.0.1", "198.51.100.1", [])).toBe("127.0.0.1");
  });

  test("is looked for among the last 32 hops only, however long the header is", () => {
    const trusted = (count: number) => Array.from({ length: count }, () => "10.0.0.2").join(",");
    expect(clientAddress("10.0.0.1", `198.51.100.1,${trusted(31)}`, proxies)).toBe("198.51.100.1");
    expect(clientAddress("10.0.0.1", `198.51.100.1,${trusted(32)}`, proxies)).toBe("10.0.0.2");
  });
});
