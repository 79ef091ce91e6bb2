// How many logins a second, as a share of what the machine's bare password hash allows: everything else that a login does (HTTP, checks,
// the durable commit, the tokens, the webhook's delivery) is the rest. Both are measured in turns, since machines have moods.
// Run: bun run build && bun bench/logins.ts

import { availableParallelism } from "node:os";
import { systemClock } from "../src/lib/clock.ts";
import { median, say, sayFigure } from "./support/figures.ts";
import { type LoadConnection, runLoad } from "./support/load.ts";
import { cpuMs } from "./support/process.ts";
import { startReceiver } from "./support/receiver.ts";
import { accountAlias, emailOf, makeFolder, password, startServer } from "./support/server.ts";

const goal = 0.97;
const turns = 12;
const secondsEach = 3;
const cores = availableParallelism();
/** Enough to keep every core hashing, whatever a client is doing meanwhile. */
const clients = 4 * cores;

/** Rates a second, and CPU time in ms: of a verification alone, and of a login in the server. */
type Turn = { raw: number; rawCpu: number; logins: number; loginCpu: number };

const receiver = await startReceiver();
const folder = await makeFolder({ users: clients, receiver: receiver.url });
const server = await startServer(folder);
const hash = await Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 });

await loginRate(1);
await rawRate(1);
const measured: Turn[] = [];
for (let turn = 0; turn < turns; turn += 1) {
  const [raw, logins] = [await rawRate(secondsEach), await loginRate(secondsEach)];
  measured.push({ raw: raw.rate, rawCpu: raw.cpu, logins: logins.rate, loginCpu: logins.cpu });
}

const middle = (figure: (turn: Turn) => number) => median(measured.map(figure));
const share = middle(({ raw, logins }) => logins / raw);
say(
  `${cores} cores, ${clients} clients, one webhook with a live receiver, ${turns} turns of ${secondsEach} s each; medians of the turns`,
);
sayFigure("bare Bun.password.verify", `${middle(({ raw }) => raw).toFixed(1)}/s`);
sayFigure("logins", `${middle(({ logins }) => logins).toFixed(1)}/s`);
sayFigure("logins as a share of it", share.toFixed(3), {
  text: `goal >= ${goal}`,
  holds: share >= goal,
});
// Not disturbed by what else the machine does, and without the clients and the receiver, which share its cores here.
sayFigure(
  "the same by the server's own CPU time",
  middle(({ rawCpu, loginCpu }) => rawCpu / loginCpu).toFixed(3),
);
sayFigure("CPU time of a bare verification", `${middle(({ rawCpu }) => rawCpu).toFixed(2)} ms`);
sayFigure(
  "CPU time of a login in the server, delivery included",
  `${middle(({ loginCpu }) => loginCpu).toFixed(2)} ms`,
);

await server.stop();
receiver.stop();
folder.remove();

/** Verifications a second with one in flight for each core. */
async function rawRate(seconds: number): Promise<{ rate: number; cpu: number }> {
  const begun = systemClock.monotonic();
  const before = cpuMs(process.pid);
  let count = 0;
  await Promise.all(
    Array.from({ length: cores }, async () => {
      while (systemClock.monotonic() - begun < seconds * 1_000) {
        await Bun.password.verify(password, hash);
        count += 1;
      }
    }),
  );
  const elapsed = systemClock.monotonic() - begun;
  return { rate: (count / elapsed) * 1_000, cpu: (cpuMs(process.pid) - before) / count };
}

async function loginRate(seconds: number): Promise<{ rate: number; cpu: number }> {
  const connections = Array.from({ length: clients }, (_, number): LoadConnection => {
    const body = JSON.stringify({ accountAlias, email: emailOf(number), password });
    return { kind: "post", path: "/v3/accounts/login", body };
  });
  const before = cpuMs(server.pid);
  const report = await runLoad({ port: server.port, seconds, rate: null, connections });
  if (report.failures > 0) throw new Error(`${report.failures} logins failed`);
  return { rate: report.answers / report.seconds, cpu: (cpuMs(server.pid) - before) / report.answers };
}
