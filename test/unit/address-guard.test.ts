import { describe, expect, test } from "bun:test";
import { ApiError } from "../../src/lib/errors.ts";
import { type Network, parseNetwork } from "../../src/lib/networks.ts";
import { checkWebhookUrl, refusalOfTarget } from "../../src/outbox/address-guard.ts";
import { metadataAddresses } from "../../src/outbox/metadata-addresses.ts";

function networks(...texts: string[]): Network[] {
  return texts.map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new Error(`${text} is no network`);
    return network;
  });
}

const url = new URL("https://example.com/hook");
const refusal = (addresses: string[], open: Network[] = [], target = url) =>
  refusalOfTarget(target, addresses, open);

/** The first and the last address of every range that is refused, and what lies beside it, which is public. */
const ranges: [what: string, first: string, last: string, before?: string | undefined, after?: string][] = [
  ["unspecified", "0.0.0.0", "0.255.255.255", undefined, "1.0.0.0"],
  ["private", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"],
  ["carrier-grade NAT", "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"],
  ["loopback", "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"],
  ["link-local", "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"],
  ["private", "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"],
  ["reserved", "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"],
  ["reserved", "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"],
  ["private", "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"],
  ["reserved", "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"],
  ["reserved", "198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"],
  ["reserved", "203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"],
  ["multicast", "224.0.0.0", "239.255.255.255", "223.255.255.255"],
  ["reserved", "240.0.0.0", "255.255.255.254"],
  ["broadcast", "255.255.255.255", "255.255.255.255"],
  ["unspecified", "::", "::"],
  ["loopback", "::1", "::1"],
  ["reserved", "::2", "::ffff:ffff"],
  ["reserved", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
  ["reserved", "100::", "100::ffff:ffff:ffff:ffff"],
  ["reserved", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1fff::"],
  ["reserved", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", undefined, "2001:200::"],
  ["reserved", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7::1", "2001:db9::"],
  ["reserved", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff::1", "2003::"],
  ["reserved", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe::1", "3fff:1000::"],
  ["reserved", "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["private", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["reserved", "fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["link-local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["reserved", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["multicast", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
];

describe("an address", () => {
  for (const [what, first, last, before, after] of ranges) {
    test(`from ${first} to ${last} is refused as ${what}, and its public neighbours are not`, () => {
      for (const address of [first, last]) {
        if (!metadataAddresses.has(address)) expect(refusal([address])).toContain(what);
      }
      for (const neighbour of [before, after]) {
        if (neighbour !== undefined) expect(refusal([neighbour])).toBeUndefined();
      }
    });
  }

  test("that is public is not refused", () => {
    for (const address of ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"])
      expect(refusal([address])).toBeUndefined();
  });

  test("that carries an IPv4 address is judged by that one when mapped or behind NAT64", () => {
    expect(refusal(["::ffff:10.0.0.1"])).toContain("private");
    expect(refusal(["::ffff:127.0.0.1"])).toContain("loopback");
    expect(refusal(["64:ff9b::10.0.0.1"])).toContain("private");
    expect(refusal(["64:ff9b::127.0.0.1"])).toContain("loopback");
    expect(refusal(["::ffff:93.184.215.14"])).toBeUndefined();
    expect(refusal(["64:ff9b::93.184.215.14"])).toBeUndefined();
  });

  test("is refused in every other form that carries another address, though that one be public", () => {
    for (const address of ["::93.184.215.14", "2002:5db8:d70e::1", "64:ff9b:1::93.184.215.14"])
      expect(refusal([address])).toContain("reserved");
    expect(refusal(["::ffff:0:93.184.215.14"])).toContain("reserved");
  });

  test("that cannot be read is refused, and so is a name without one", () => {
    expect(refusal(["somewhere"])).toContain("unreadable");
    expect(refusal([])).toBe("example.com has no address.");
  });
});

describe("a name with several addresses", () => {
  test("is refused when any of them is, wherever it stands", () => {
    expect(refusal(["93.184.215.14", "10.0.0.1"])).toContain("example.com leads to 10.0.0.1");
    expect(refusal(["::1", "93.184.215.14"])).toContain("example.com leads to ::1");
    expect(refusal(["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111"])).toBeUndefined();
  });
});

describe("a network that the operator names", () => {
  test("opens its addresses and no others", () => {
    const open = networks("10.1.0.0/16", "fd12:3456::/32");
    expect(refusal(["10.1.0.0", "10.1.255.255", "fd12:3456::1"], open)).toBeUndefined();
    expect(refusal(["::ffff:10.1.0.1"], open)).toBeUndefined();
    expect(refusal(["64:ff9b::10.1.0.1"], open)).toBeUndefined();
    expect(refusal(["10.0.255.255"], open)).toContain("private");
    expect(refusal(["10.2.0.0"], open)).toContain("private");
    expect(refusal(["fd12:3457::1"], open)).toContain("private");
    expect(refusal(["10.1.0.1", "10.2.0.1"], open)).toContain("10.2.0.1");
  });

  test("permits http to its addresses, and https alone to all others", () => {
    const plain = new URL("http://example.com/hook");
    const open = networks("10.0.0.0/8");
    expect(refusal(["10.0.0.1"], open, plain)).toBeUndefined();
    expect(refusal(["93.184.215.14"], open, plain)).toContain("http is permitted only to networks");
    expect(refusal(["10.0.0.1", "93.184.215.14"], open, plain)).toContain("Use https");
    expect(refusal(["93.184.215.14"], open)).toBeUndefined();
  });

  test("never opens a cloud's metadata address, in whatever form it comes", () => {
    const everything = networks("0.0.0.0/0", "::/0");
    const closed = "a cloud metadata address: nothing is ever sent there";
    for (const address of metadataAddresses) {
      expect(refusal([address], everything)).toContain(closed);
      expect(refusal([address])).toContain(closed);
    }
    for (const address of [
      "::ffff:169.254.169.254",
      "::169.254.169.254",
      "::ffff:0:169.254.169.254",
      "64:ff9b::169.254.169.254",
      "64:ff9b:1::169.254.169.254",
      "2002:a9fe:a9fe::1",
      "fd00:ec2:0:0:0:0:0:254",
    ])
      expect(refusal([address], everything)).toContain(closed);
    expect(refusal(["169.254.169.253", "fd00:ec2::253"], everything)).toBeUndefined();
  });
});

describe("the URL of a webhook", () => {
  const problem = (text: string, ...open: string[]): string | undefined => {
    try {
      checkWebhookUrl(text, networks(...open));
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "INVALID_REQUEST") throw error;
      return error.message;
    }
  };

  test("is accepted with https, any port, path and query, and a name or a public address", () => {
    for (const text of [
      "https://example.com",
      "https://example.com:8443/hooks?key=1",
      "https://93.184.215.14/hook",
      "https://[2606:4700:4700::1111]:444/hook",
      "https://münchen.example/hook",
      "https://receiver/hook",
    ])
      expect(problem(text)).toBeUndefined();
  });

  test("is refused when it is none, is not of the web, or holds a user or password, which is not repeated", () => {
    expect(problem("example.com/hook")).toContain("It is not a URL");
    expect(problem("")).toContain("It is not a URL");
    expect(problem("https://")).toContain("It is not a URL");
    expect(problem("ftp://example.com/")).toContain("https://");
    expect(problem("file:///etc/passwd")).toContain("https://");
    for (const text of [
      "https://user@example.com/",
      "https://user:s3cret@example.com/",
      "https://:s3cret@a.b/",
    ]) {
      expect(problem(text)).toContain("user or password");
      expect(problem(text)).not.toContain("s3cret");
    }
  });

  test("has at most 2,048 characters", () => {
    const start = "https://example.com/";
    expect(problem(start + "a".repeat(2_048 - start.length))).toBeUndefined();
    expect(problem(start + "a".repeat(2_049 - start.length))).toContain("2048 characters");
  });

  test("is refused with an address that is closed, however it is written, and the setting that opens it is named", () => {
    const setting = "POSTERN_WEBHOOK_ALLOW_NETWORKS=127.0.0.1/32";
    for (const host of [
      "127.0.0.1",
      "127.1",
      "0x7f.1",
      "2130706433",
      "0177.0.0.1",
      "127.0.0.1.",
      "localhost",
      "LOCALHOST.",
      "hooks.localhost",
    ])
      expect(problem(`https://${host}/hook`)).toContain(setting);
    expect(problem("https://[::1]/hook")).toContain("POSTERN_WEBHOOK_ALLOW_NETWORKS=::1/128");
    expect(problem("https://[::ffff:7f00:1]/hook")).toContain("loopback");
    expect(problem("https://127.0.0.1:9000/hook", "127.0.0.0/8")).toBeUndefined();
    expect(problem("http://localhost:9000/hook", "127.0.0.0/8")).toBeUndefined();
    expect(problem("http://[::1]:9000/hook", "127.0.0.0/8")).toContain("loopback");
    expect(problem("http://169.254.169.254/", "0.0.0.0/0")).toContain("nothing is ever sent there");
  });

  test("may be http only if some network is open to it: a name might lead there", () => {
    expect(problem("http://example.com/hook")).toContain("POSTERN_WEBHOOK_ALLOW_NETWORKS");
    expect(problem("http://example.com/hook", "10.0.0.0/8")).toBeUndefined();
    expect(problem("http://93.184.215.14/hook", "10.0.0.0/8")).toContain("Use https");
    expect(problem("http://10.0.0.7/hook", "10.0.0.0/8")).toBeUndefined();
  });
});

test("a target that came to hold a user or password is refused at the attempt too", () => {
  const target = new URL("https://user:s3cret@example.com/hook");
  expect(refusal(["93.184.215.14"], [], target)).toContain("user or password");
});
