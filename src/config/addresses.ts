import { parseAddress } from "../lib/networks.ts";
import { Fault, shown } from "./fault.ts";

/** Where a server listens. An IPv6 host stands here without its brackets. */
export type ListenAddress = { host: string; port: number };

/** A DNS name; underscores too, since container networks use them. Bounded, so that matching stays cheap. */
const hostName = /^(?=.{1,253}$)\w([\w-]*\w)?(\.\w([\w-]*\w)?)*$/;

/** Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. Port 0 lets the system choose. Throws Fault. */
export function readListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits] =
    /^(?:\[([\da-f:.]*:[\da-f:.]*)\]|([^:[\]%]*)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === "")
    throw new Fault("names no host: 127.0.0.1 is this machine alone, 0.0.0.0 every IPv4 network it is on");
  const port = Number(digits);
  if (host === undefined || port > 65_535)
    throw new Fault(
      `must be host:port with a port from 0 to 65535 (an IPv6 host in brackets), not ${shown(text)}`,
    );
  const isAddress = parseAddress(host) !== undefined;
  // `1`, `0x7f.1` and `10.0.0` are names to this pattern and addresses, or nothing, to a URL.
  const isName = hostName.test(host) && URL.parse(`http://${host}`)?.hostname === host.toLowerCase();
  if (!isAddress && !isName)
    throw new Fault(`names no host: ${shown(host)} is neither an address nor a name`);
  return { host, port };
}

/**
 * The origin of a server that listens there, as a URL spells it: `http://[::1]:8080`, without the scheme's own port.
 */
export function originOf(scheme: "http" | "https", { host, port }: ListenAddress): string {
  return new URL(`${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`).origin;
}

/**
 * Reads the URL under which clients reach the server, in the one spelling that tokens carry as their issuer: host in
 * lower case, no trailing slash. Throws Fault, which never repeats the text: it may hold a password.
 */
export function readPublicUrl(text: string): string {
  const wanted = "must be an http:// or https:// URL";
  const url = /^https?:\/\/[^/]/i.test(text) && !/[\s\\]/.test(text) ? URL.parse(text) : null;
  if (url === null || !isHost(url.hostname)) throw new Fault(wanted);
  if (url.username !== "" || url.password !== "") throw new Fault(`${wanted} without a user or password`);
  if (/[?#]/.test(text)) throw new Fault(`${wanted} without a query or fragment`);
  return url.href.replace(/\/+$/, "");
}

/**
 * Reads one origin, exactly as browsers send it in the Origin header: in lower case, without a path or the scheme's
 * own port. Schemes of desktop shells (`tauri://localhost`) are origins too. Throws Fault, which never repeats the
 * text.
 */
export function readOrigin(text: string): string {
  if (text.includes("*"))
    throw new Fault(
      "takes no *: whoever lets every site in lets a hostile one call as its visitor, so name each origin",
    );
  const host = /^[a-z][a-z\d+.-]*:\/\/([^/?#@:[\]]+|\[[\da-f:]+\])(:\d{1,5})?$/.exec(text)?.[1];
  const url = URL.parse(text);
  // URL knows no origin of other schemes than the web's.
  const canonical = url?.origin === "null" ? text.toLowerCase() : url?.origin;
  if (host === undefined || !isHost(host) || canonical !== text) throw new Fault(wantedOrigin);
  return text;
}

const wantedOrigin =
  "must be exact origins as browsers send them: scheme, host and perhaps port, in lower case, without a path or the scheme's own port";

function isHost(host: string): boolean {
  return hostName.test(host) || /^\[[\da-f:.]+\]$/.test(host);
}
