/** How clients register themselves. */

import { createSecrets, type MatchArgon2id } from '../client-authentication/secrets.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { createClientRegistration } from '../registration/registration.ts'
import { createSectorCheck } from '../registration/sector-identifier.ts'
import { createSoftwareStatements } from '../registration/software-statement.ts'
import type { Foundation } from './foundation.ts'

export function composeRegistration(
  { registration, issuer }: Configuration,
  foundation: Foundation & { readonly matchArgon2id: MatchArgon2id },
) {
  const { clock, stores, keys } = foundation
  return {
    registration,
    secrets: createSecrets(foundation),
    clientRegistration: createClientRegistration({
      ...foundation,
      registration,
      registeredClients: stores.registeredClients,
      sectorFault: createSectorCheck(foundation.outbound),
      readStatement: createSoftwareStatements({ registration, issuer, clock }),
      signingAlgorithms: keys.algorithms(),
    }),
  }
}
