/** What is wrong with a setting's text, as a phrase that goes on after the setting's name: `must be …`. */
export class Fault extends Error {}

/** The fault of a text that is not what is wanted. It repeats the text, so it is for those that cannot be secret. */
export function unlike(wanted: string, text: string): Fault {
  return new Fault(`must be ${wanted}, not ${shown(text)}`);
}

/** A text as it may stand in a one-line message: in quotes, its control characters escaped, and cut when it is long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
