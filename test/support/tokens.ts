/** The two tokens of an answer. Throws when it is another one. */
export async function tokensOf(response: Response): Promise<{ accessToken: string; refreshToken: string }> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`no tokens but ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** One part of a JWT, read without a look at its signature: 0 is the header, 1 the claims. */
export function partOf(token: string, index: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString());
}
