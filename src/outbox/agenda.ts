/** When which webhook is next due: a heap, so that a hundred thousand of them cost a timer, not a scan. Times in ms. */
export type Agenda = {
  /** Enters a webhook's time in place of the one it had. */
  set(webhookId: string, at: number): void;
  delete(webhookId: string): void;
  clear(): void;
  /** The earliest time entered. */
  nextAt(): number | undefined;
  /** Removes and returns the webhooks that are due at `now`. */
  takeDue(now: number): string[];
};

type Entry = { webhookId: string; at: number };

export function makeAgenda(): Agenda {
  const times = new Map<string, number>();
  let heap: Entry[] = [];

  /** Entries that were replaced or deleted stay in the heap until they come up: cheaper than searching for them. */
  function dropStale(): void {
    for (let top = heap[0]; top !== undefined && times.get(top.webhookId) !== top.at; top = heap[0])
      pop(heap);
  }

  function rebuildIfMostlyStale(): void {
    if (heap.length < 64 || heap.length < 4 * times.size) return;
    heap = [];
    for (const [webhookId, at] of times) push(heap, { webhookId, at });
  }

  return {
    set(webhookId, at) {
      if (times.get(webhookId) === at) return;
      times.set(webhookId, at);
      push(heap, { webhookId, at });
      rebuildIfMostlyStale();
    },
    delete: (webhookId) => times.delete(webhookId),
    clear() {
      times.clear();
      heap = [];
    },
    nextAt() {
      dropStale();
      return heap[0]?.at;
    },
    takeDue(now) {
      const due: string[] = [];
      for (dropStale(); heap[0] !== undefined && heap[0].at <= now; dropStale()) {
        due.push(heap[0].webhookId);
        times.delete(heap[0].webhookId);
      }
      return due;
    },
  };
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || parent.at <= entry.at) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const smaller = (heap[left + 1]?.at ?? Infinity) < (heap[left]?.at ?? Infinity) ? left + 1 : left;
    const child = heap[smaller];
    if (child === undefined || last.at <= child.at) break;
    heap[index] = child;
    index = smaller;
  }
  heap[index] = last;
}
