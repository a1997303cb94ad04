/** The algorithms that tokens of a server may be signed with. */

import type { Issuer } from '../discovery/issuer.ts'
import type { ServerMetadata } from '../discovery/metadata.ts'
import { asymmetricAlgorithms } from '../jwt/algorithms.ts'
import { ok, type Result } from '../result.ts'

export type AlgorithmList = keyof ServerMetadata & `${string}_signing_alg_values_supported`

/** Returns the algorithms with a key pair that the metadata lists, or all of them if it has no list. */
export async function supportedAlgorithms(
  issuer: Issuer,
  name: AlgorithmList,
): Promise<Result<readonly string[]>> {
  const metadata = await issuer.metadata()
  if (!metadata.ok) return metadata
  const listed: unknown = metadata.value[name]
  return ok(
    Array.isArray(listed) ? asymmetricAlgorithms.filter(alg => listed.includes(alg)) : asymmetricAlgorithms,
  )
}
