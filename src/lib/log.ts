import { type Clock, isoTime } from "./clock.ts";

const levels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof levels)[number];
export type LogFormat = "text" | "json";

/** What may stand in a log line. Secrets have no field: callers name what they log, never whole objects. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

export type Log = Record<LogLevel, (message: string, fields?: LogFields) => void>;

export type LogOptions = {
  level: LogLevel;
  format: LogFormat;
  clock: Clock;
  /** Takes one whole line, with its line end. */
  write(line: string): void;
};

/** A structured log: one line an entry, JSON for machines or `time level message key=value …` for people. */
export function makeLog({ level, format, clock, write }: LogOptions): Log {
  const threshold = levels.indexOf(level);
  const render = format === "json" ? jsonLine : textLine;
  const writer =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (levels.indexOf(own) >= threshold) write(`${render(isoTime(clock.now()), own, message, fields)}\n`);
    };
  return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ time, level, message, ...fields });
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${textValue(value)}`);
  return [time, level.padEnd(5), message, ...pairs].join(" ");
}

/**
 * Quotes what holds spaces, quotes or control characters, so that a sender's header can never begin a line of its
 * own.
 */
function textValue(value: LogFields[string]): string {
  const text = String(value);
  return /^[\w.:/@+,-]+$/.test(text) ? text : JSON.stringify(text);
}
