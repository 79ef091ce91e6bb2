/** Prints a line of a report. */
export function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** A figure beside its limit: the line says whether it holds. */
export function sayFigure(what: string, figure: string, limit?: { text: string; holds: boolean }): void {
  const verdict = limit === undefined ? "" : `  ${limit.text}: ${limit.holds ? "held" : "MISSED"}`;
  say(`${what.padEnd(52)} ${figure.padStart(12)}${verdict}`);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
