/** Clients, configured and registered, and how they register themselves. */

import { createSecrets, type VerifyArgon2id } from '../client-authentication/secrets.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { createClients } from '../registration/clients.ts'
import { createClientRegistration } from '../registration/registration.ts'
import { createSoftwareStatements } from '../registration/software-statement.ts'
import { readRegistered } from '../registration/validation.ts'
import type { Foundation } from './foundation.ts'

export function composeClients({ clients: configured, registration }: Configuration, foundation: Foundation) {
  const { stores, keys, log } = foundation
  const signingAlgorithms = keys.algorithms()
  return createClients({
    ...foundation,
    configured,
    registration,
    registeredClients: stores.registeredClients,
    read: row => readRegistered(row, { registration, signingAlgorithms, log }),
  })
}

export function composeRegistration(
  { registration, issuer }: Configuration,
  foundation: Foundation & { readonly verifyArgon2id: VerifyArgon2id },
) {
  const { clock, stores, keys } = foundation
  return {
    registration,
    secrets: createSecrets(foundation),
    clientRegistration: createClientRegistration({
      ...foundation,
      registration,
      registeredClients: stores.registeredClients,
      readStatement: createSoftwareStatements({ registration, issuer, clock }),
      signingAlgorithms: keys.algorithms(),
    }),
  }
}
