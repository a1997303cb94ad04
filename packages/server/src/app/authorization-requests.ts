/** How authorization requests come: by parameters, as request objects, or pushed. */

import { createLongRequests } from '../authorization-request/long-request.ts'
import { createPushedRequests } from '../authorization-request/pushed-request.ts'
import { createAuthorizationRequestResolution } from '../authorization-request/resolution.ts'
import type { VerifyClientSignature } from '../clients/keys/signature.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { CountAttempt } from '../identity/attempts.ts'
import { createWaitingCounter } from '../identity/waiting-requests.ts'
import { createSealing } from '../keys/sealing.ts'
import type { Clients } from '../model/client.ts'
import type { Decryption } from '../model/keys.ts'
import { sealLifetime } from '../pages/flow/seal.ts'
import type { Foundation } from './issuer-context.ts'

export function composeAuthorizationRequests(
  { issuer, authorizationRequests }: Configuration,
  ports: Foundation & {
    readonly clients: Clients
    readonly verifySignature: VerifyClientSignature
    readonly decryption: Decryption
    readonly countAttempt: CountAttempt
    readonly isConfigured: (clientId: string) => boolean
  },
) {
  const sealing = createSealing({ ...ports, purpose: 'pushed-requests' })
  const pushedRequests = createPushedRequests({ ...ports, ...authorizationRequests, sealing })
  const resolution = createAuthorizationRequestResolution({
    ...ports,
    ...authorizationRequests,
    ...{ issuer, pushedRequests },
  })
  const longRequests = createLongRequests({
    ...ports,
    sealing: createSealing({ ...ports, purpose: 'long-requests' }),
    lifetime: sealLifetime,
  })
  const countWaiting = createWaitingCounter({ ...ports, ...authorizationRequests })
  return { pushedRequests, longRequests, resolution, countWaiting }
}
