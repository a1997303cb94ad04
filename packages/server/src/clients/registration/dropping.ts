/** Drops values that violate a rule and that the client does not need (RFC 7591 §3.2.1). */

import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import type { MetadataProblem, Registration } from '../../model/registration.ts'
import { treatmentOf } from './metadata.ts'

export type Parsed =
  | {
      readonly ok: true
      readonly client: Client
      /** The dropped places, for the log: `contacts[3]`. */
      readonly left: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly MetadataProblem[] }

/** Some rules are only checked after others pass, in fewer rounds than this. */
const maxRounds = 10

/**
 * Parses the metadata, dropping values until it is valid.
 * @param draftOf returns the client as it would be configured with this metadata.
 */
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
    const places = new Set(parsed.problems.map(({ path }) => path).filter(isDroppable))
    if (places.size === 0 || round === maxRounds) return { ok: false, problems: parsed.problems }
    kept = without(kept, places)
    left.push(...places)
  }
}

const isDroppable = (path: string): boolean => treatmentOf(memberOf(path)) === 'drop'

/** Returns `contacts` for `contacts[3]`. */
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
