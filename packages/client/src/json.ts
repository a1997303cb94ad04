/** Values that were parsed from JSON. */

import type { JsonObject } from '@tessera/protocol/result'

/** Returns whether a value is a JSON object: neither null nor a list. */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
