/** Work that callers at the same time share. */

/** Returns the promise of the work in progress with this key, or starts the work. */
export type SingleFlight<Value> = (key: string, work: () => Promise<Value>) => Promise<Value>

export function createSingleFlight<Value>(): SingleFlight<Value> {
  const inFlight = new Map<string, Promise<Value>>()
  return (key, work) => {
    const shared = inFlight.get(key)
    if (shared) return shared
    const started = work().finally(() => inFlight.delete(key))
    inFlight.set(key, started)
    return started
  }
}
