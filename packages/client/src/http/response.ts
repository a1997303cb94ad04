/** Responses as received, read completely. */

import { parseJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'

export type ReceivedResponse = {
  readonly status: number
  readonly headers: Headers
  /** Decoded as UTF-8. */
  readonly body: string
}

/** Returns the JSON object in the body; undefined if it contains anything else. */
export const jsonObject = ({ body }: Pick<ReceivedResponse, 'body'>): JsonObject | undefined =>
  parseJsonObject(body)

/** Returns whether the body is of a media type, whatever its parameters are (RFC 9110 §8.3.1). */
export const hasMediaType = ({ headers }: Pick<ReceivedResponse, 'headers'>, type: string): boolean =>
  headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === type

/** Returns a string member of a JSON object; undefined if it is missing or not a string. */
export const textMember = (object: JsonObject, name: string): string | undefined => {
  const value = object[name]
  return typeof value === 'string' ? value : undefined
}
