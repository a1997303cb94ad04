/** Leaves out the values that a client works without, where they break a rule (RFC 7591 §3.2.1). */

import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import type { MetadataFault, Registration } from '../../model/registration.ts'
import { treatmentOf } from './metadata.ts'

export type Parsed =
  | {
      readonly ok: true
      readonly client: Client
      /** The places that were left out, for the log: `contacts[3]`. */
      readonly left: readonly string[]
    }
  | { readonly ok: false; readonly faults: readonly MetadataFault[] }

/** One rule may only be reached when another is met; there are fewer such steps than this. */
const maxRounds = 10

/** @param draftOf the client as the configuration would write it, with this metadata. */
export function parseDropping(
  metadata: JsonObject,
  draftOf: (metadata: JsonObject) => object,
  { parse }: Pick<Registration, 'parse'>,
): Parsed {
  let kept = metadata
  const left: string[] = []
  for (let round = 0; ; round++) {
    const parsed = parse(draftOf(kept))
    if (parsed.ok) return { ...parsed, left }
    const places = new Set(parsed.faults.map(({ path }) => path).filter(isDroppable))
    if (places.size === 0 || round === maxRounds) return { ok: false, faults: parsed.faults }
    kept = without(kept, places)
    left.push(...places)
  }
}

const isDroppable = (path: string): boolean => treatmentOf(memberOf(path)) === 'drop'

/** `contacts` of `contacts[3]`. */
const memberOf = (path: string): string => path.split(/[.[]/, 1)[0] ?? ''

const without = (metadata: JsonObject, places: ReadonlySet<string>): JsonObject =>
  Object.fromEntries(
    Object.entries(metadata).flatMap(([member, value]) => {
      if (places.has(member)) return []
      return [[member, Array.isArray(value) ? withoutEntries(member, value, places) : value] as const]
    }),
  )

const withoutEntries = (member: string, list: readonly Json[], places: ReadonlySet<string>): Json =>
  list.filter((_, index) => !places.has(`${member}[${index}]`))
