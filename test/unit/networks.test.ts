import { describe, expect, test } from "bun:test";
import { inNetworks, parseAddress, parseNetwork } from "../../src/lib/networks.ts";

const within = (address: string, network: string) => {
  const parsed = parseNetwork(network);
  if (parsed === undefined) throw new Error(`${network} is no network`);
  return inNetworks(address, [parsed]);
};

describe("a network", () => {
  test.each([
    ["10.255.255.255", "10.0.0.0/8", true],
    ["11.0.0.0", "10.0.0.0/8", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.2", "192.0.2.1", false],
    ["203.0.113.9", "0.0.0.0/0", true],
    ["fdff::1", "fd00::/8", true],
    ["fe00::1", "fd00::/8", false],
    ["::1", "0.0.0.0/0", false],
    ["10.0.0.1", "::/0", false],
    ["::ffff:10.0.0.1", "10.0.0.0/8", true],
    ["10.0.0.1", "::ffff:10.0.0.0/104", true],
    ["11.0.0.1", "::ffff:10.0.0.0/104", false],
    ["fe80::1%eth0", "fe80::/10", true],
    ["nonsense", "0.0.0.0/0", false],
  ])("%s in %s: %p", (address, network, expected) => {
    expect(within(address, network)).toBe(expected);
  });

  test.each([
    "",
    "10",
    "10/8",
    "010.0.0.0/8",
    "0x0a.0.0.0/8",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/",
    "::/129",
    "fe80::%eth0/10",
    "a.example/8",
    "10.0.0.0/8/8",
    " 10.0.0.0/8",
  ])("is not %j", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });
});

describe("an address", () => {
  test("that is IPv4 in IPv6 clothes is the IPv4 address", () => {
    expect(parseAddress("::ffff:192.0.2.1")?.toString()).toBe("192.0.2.1");
    expect(parseAddress("::ffff:c000:201")?.toString()).toBe("192.0.2.1");
  });

  test.each(["", "1", "0x7f.1", "127.1", "010.0.0.1", "256.0.0.1", "1.2.3.4.5", "::g", "[::1]", "localhost"])(
    "is not %j",
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );
});
