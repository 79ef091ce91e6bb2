/**
 * What a promise was refused with; throws when it was kept. Where child processes run, it stands in for `expect(…).rejects`, which turns the event loop
 * from within itself: the ends of their pipes, when they come meanwhile, are then never seen (Bun 1.4.5).
 */
export async function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  let kept: unknown;
  try {
    kept = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`it was not refused but answered ${String(kept)}`);
}
