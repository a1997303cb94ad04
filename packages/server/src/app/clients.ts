/** Clients, configured and registered. */

import { createClients } from '../clients/registration/client-lookup.ts'
import { readRegistered } from '../clients/registration/metadata-validation.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Foundation } from './issuer-context.ts'

export function composeClients({ clients: configured, registration }: Configuration, foundation: Foundation) {
  const { stores, keys, log } = foundation
  const signingAlgorithms = keys.algorithms()
  return createClients({
    ...foundation,
    configured,
    registration,
    hasFallen: foundation.standing.hasFallenClient,
    registeredClients: stores.registeredClients,
    read: row => readRegistered(row, { registration, signingAlgorithms, log }),
  })
}
