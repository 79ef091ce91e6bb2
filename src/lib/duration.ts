const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `30s`, `15m`, `24h` or `90d` as milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const unit = unitMs[match?.[2] ?? ""];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Milliseconds in the largest unit that says them whole: 900000 is `15m`. */
export function formatDuration(duration: number): string {
  for (const unit of ["d", "h", "m"]) {
    const size = unitMs[unit] ?? 1;
    if (duration >= size && duration % size === 0) return `${duration / size}${unit}`;
  }
  return `${duration / 1_000}s`;
}
