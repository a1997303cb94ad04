/** A map with a limit, for what is kept in memory of values that others choose. */

/** Sets a value, which becomes the newest. If there are then more than `capacity`, removes the one set least recently. */
export function setBounded<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, capacity: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > capacity) map.delete(map.keys().next().value as Key)
}
