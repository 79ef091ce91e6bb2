/** A receiver of webhooks that answers 200 at once, as a process of its own: its work is not counted as anybody else's. */
export async function startReceiver(): Promise<{ url: string; pid: number; stop(): void }> {
  const child = Bun.spawn([process.execPath, import.meta.path], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  return {
    url: new TextDecoder().decode(value).trim(),
    pid: child.pid,
    stop: () => child.kill(),
  };
}

if (import.meta.main) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      await request.arrayBuffer();
      return new Response();
    },
  });
  process.stdout.write(`${server.url}hook\n`);
}
