/** Algorithms: that this runtime has those of `signature_algorithms`, and that entries name no others. */

import type { SigningAlgorithm } from '../../model/client.ts'
import { permitsAlgorithm, type SecurityProfile } from '../../model/security-profile.ts'
import { isAvailable } from '../../model/signature-algorithm.ts'
import { type Description, type Diagnostic, formatPath } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

const keysOfClients = [
  'id_token_signed_response_alg',
  'userinfo_signed_response_alg',
  'introspection_signed_response_alg',
  'authorization_signed_response_alg',
  'token_endpoint_auth_signing_alg',
  'request_object_signing_alg',
] as const

/** Returns the errors of entries with an algorithm that their issuer does not allow. */
export const algorithmErrors = (draft: Draft): readonly Diagnostic[] => [
  ...draft.clients.flatMap(client =>
    keysOfClients.flatMap(key => notAllowed(client, key, draft, client.value.security_profile)),
  ),
  ...draft.clients.flatMap(client => workloadAlgorithms(client, draft)),
  ...draft.api_resources.flatMap(api =>
    notAllowed(api, 'access_token_signing_alg', draft, draft.security.profile),
  ),
  ...draft.identity_providers.flatMap(one => notAllowed(one, 'id_token_signed_response_alg', draft)),
]

function notAllowed<Value>(
  entry: Entry<Value>,
  key: keyof Value & string,
  { signatureAlgorithms }: Draft,
  profile?: SecurityProfile,
): readonly Diagnostic[] {
  const alg = entry.value[key] as string | undefined
  // The requirements of the profile report it.
  if (alg !== undefined && !permitsAlgorithm(profile, alg)) return []
  if (alg === undefined || alg === 'none' || signatureAlgorithms.includes(alg as SigningAlgorithm)) return []
  return diagnosticAt(entry, key, outside(alg, signatureAlgorithms))
}

const outside = (alg: string, allowed: readonly SigningAlgorithm[]): Description => ({
  problem: `"${alg}" is not among the signature_algorithms of this issuer`,
  expected: allowed.join(', '),
  fix: `add "${alg}" to signature_algorithms, or use one of these`,
})

/** The issuer of a workload identity chooses the algorithm, so the default does not follow the list. */
const workloadAlgorithms = (
  client: Draft['clients'][number],
  { signatureAlgorithms }: Draft,
): readonly Diagnostic[] =>
  client.value.workload_identities.flatMap(({ signing_alg: alg }, index) =>
    signatureAlgorithms.includes(alg) || !permitsAlgorithm(client.value.security_profile, alg)
      ? []
      : diagnosticAt(client, 'workload_identities', outside(alg, signatureAlgorithms), index).map(one => ({
          ...one,
          path: `${one.path}.signing_alg`,
        })),
  )

/** Returns the errors of algorithms that this version of Node.js does not have. */
export const availabilityErrors = (
  { signature_algorithms: server, tenants }: ConfigurationDraft,
  has: (alg: SigningAlgorithm) => boolean = isAvailable,
): readonly Diagnostic[] => [
  ...unavailable(has, server, ['signature_algorithms']),
  ...tenants.flatMap(({ signature_algorithms: own }, index) =>
    unavailable(has, own ?? [], ['tenants', index, 'signature_algorithms']),
  ),
]

const unavailable = (
  has: (alg: SigningAlgorithm) => boolean,
  algorithms: readonly SigningAlgorithm[],
  path: readonly (string | number)[],
): readonly Diagnostic[] =>
  algorithms.flatMap((alg, index) =>
    has(alg)
      ? []
      : {
          path: formatPath([...path, index]),
          problem: `Node.js ${process.versions.node} with its OpenSSL does not have ${alg}`,
          expected: 'Node.js 24.7 or later for ML-DSA',
          fix: 'update Node.js on every node, or remove the algorithm',
        },
  )
