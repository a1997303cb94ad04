/** How clients register themselves. */

import { createSecrets, type MatchArgon2id } from '../clients/authentication/secrets.ts'
import { createClientRegistration } from '../clients/registration/registration.ts'
import { createSectorCheck } from '../clients/registration/sector-identifier.ts'
import { createSoftwareStatements } from '../clients/registration/software-statement.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Foundation } from './issuer-context.ts'

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
