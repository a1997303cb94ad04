/** Clients, configured and registered. */

import type { Configuration } from '../configuration/configuration.ts'
import { createClients } from '../registration/clients.ts'
import { readRegistered } from '../registration/validation.ts'
import type { Foundation } from './foundation.ts'

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
