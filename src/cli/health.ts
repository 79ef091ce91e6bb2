import { askLocalHealth } from "../lib/local-health.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";

export const health: Command = {
  name: "health",
  summary: "Asks the server on this machine whether it is well: exits with 0 if so, else with 1.",
  options: { ...dataDirOption, ...jsonOption },
  notes: [
    "Asks at the address of POSTERN_LISTEN, the loopback one where that is every address. A certificate is not verified, since the question stays on this machine.",
  ],
  async run({ output, config }) {
    const { listen, tls } = config();
    const { healthy, sentence, answer } = await askLocalHealth({ ...listen, tls: tls !== undefined });
    if (output.json) await output.line(JSON.stringify(answer ?? { status: "unreachable" }));
    else if (healthy) await output.line(sentence);
    if (!healthy) await output.warn(`postern: ${sentence}`);
    return healthy ? 0 : 1;
  },
};
