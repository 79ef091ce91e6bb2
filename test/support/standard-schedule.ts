import { readConfig } from "../../src/config/config.ts";

/** The waits before each attempt, in ms, where nobody sets others. */
export const standardSchedule = readConfig({ flags: {}, environment: {}, defaultConcurrency: 2 }).config
  .webhookSchedule;
