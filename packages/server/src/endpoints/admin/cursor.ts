/**
 * Cursors of lists. A cursor contains the last entry of the page before, so that entries added or removed meanwhile
 * neither repeat nor hide others.
 */

import { createHmac } from 'node:crypto'
import type { DerivedKeys } from '../../model/keys.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'

export type Cursors = {
  /**
   * Returns a cursor.
   * @param list what the cursor is valid for: the list and its filters.
   */
  readonly write: (list: string, after: string) => string
  /** Returns the last entry of the page before; undefined for a cursor of another list, or a changed one. */
  readonly read: (list: string, cursor: string) => string | undefined
}

export function createCursors(derived: DerivedKeys): Cursors {
  const writeWith = (key: Uint8Array, list: string, after: string): string => {
    const mac = createHmac('sha256', key)
      .update(JSON.stringify([list, after]))
      .digest()
      .subarray(0, 16)
    return `${Buffer.from(after).toString('base64url')}.${mac.toString('base64url')}`
  }
  return {
    write: (list, after) => writeWith(derived.derive('admin-cursors'), list, after),
    read(list, cursor) {
      const after = Buffer.from(cursor.split('.', 1)[0] ?? '', 'base64url').toString()
      const isOwn = derived
        .accepted('admin-cursors')
        .some(key => equalInConstantTime(cursor, writeWith(key, list, after)))
      return isOwn ? after : undefined
    },
  }
}
