/** Length in Unicode code points, as the contract counts it: an emoji is one, where `.length` says two. */
export function codePointLength(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/**
 * The HTML standard's valid e-mail address (https://html.spec.whatwg.org/#valid-e-mail-address): ASCII only, no
 * quoted local parts; internationalised domains come in their xn-- form.
 */
const emailPattern =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;

/** Whether this is an e-mail address by the HTML standard. Its length is bounded elsewhere. */
export function isEmail(text: string): boolean {
  return emailPattern.test(text);
}

/**
 * The form in which e-mail addresses and aliases are compared: without regard to case. Both are ASCII by their
 * bounds.
 */
export function foldCase(text: string): string {
  return text.toLowerCase();
}
