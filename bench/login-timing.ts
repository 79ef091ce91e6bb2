// Whether the time of a refused login tells why it was refused: a wrong password, an unknown e-mail and an unknown account must look
// alike, in their bytes and in how long they take. Run: bun run build && bun bench/login-timing.ts

import { areaUnderCurve, differentAnswers, type Kinds, timeRefusals } from "../test/support/login-timing.ts";
import { median, quantile, say, sayFigure } from "./support/figures.ts";
import { accountAlias, emailOf, makeFolder, startServer } from "./support/server.ts";

const count = 200;
/** Not counted: the first requests of a process are slower than all others. */
const warmUp = 20;
const mostApart = 0.05;

const password = "a wrong password";
const kinds: Kinds = {
  "wrong password": (number) => ({ accountAlias, email: emailOf(number), password }),
  "unknown e-mail": (number) => ({ accountAlias, email: `nobody-${number}@example.com`, password }),
  "unknown account": (number) => ({ accountAlias: `nowhere-${number}`, email: emailOf(number), password }),
};

const folder = await makeFolder({ users: count + warmUp });
const server = await startServer(folder);
const samples = await timeRefusals(server.url, kinds, count + warmUp);
await server.stop();
folder.remove();

const times = new Map([...samples].map(([name, all]) => [name, all.slice(warmUp).map(({ took }) => took)]));
const medians = [...times.values()].map((all) => median(all));
const apart = Math.max(...medians) / Math.min(...medians) - 1;
const answers = differentAnswers(samples.values());

say(`${count} logins of each kind, in turns, each an identity of its own`);
for (const [name, all] of times) {
  const figure = `${median(all).toFixed(2)} ms`;
  say(
    `${name.padEnd(52)} ${figure.padStart(12)}  quartiles ${quantile(all, 0.25).toFixed(2)} to ${quantile(all, 0.75).toFixed(2)}`,
  );
}
sayFigure("medians apart", `${(apart * 100).toFixed(2)} %`, {
  text: `limit <= ${mostApart * 100} %`,
  holds: apart <= mostApart,
});
const [known = [], ...unknown] = times.values();
for (const [index, other] of unknown.entries()) {
  const area = areaUnderCurve(known, other);
  sayFigure(`told apart by time, 0.5 is not at all: ${[...times.keys()][index + 1]}`, area.toFixed(3));
}
sayFigure("different answers, headers included", String(answers.length), {
  text: "limit 1",
  holds: answers.length === 1,
});
if (answers.length > 1) say(answers.join("\n"));
