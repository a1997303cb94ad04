/** Dynamic client registration. */

import { createSecrets, type Secrets } from '../clients/authentication/secrets.ts'
import { type ClientRegistration, createClientRegistration } from '../clients/registration/registration.ts'
import { createSectorIdentifierCheck } from '../clients/registration/sector-identifier.ts'
import { createSoftwareStatements } from '../clients/registration/software-statement.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Services } from './services.ts'

export type RegistrationServices = {
  readonly secrets: Secrets
  readonly clientRegistration: ClientRegistration
}

export function createRegistrationServices(
  { registration, issuer, signatureAlgorithms: algorithms }: Configuration,
  { context: { stores, keys, clock, random, log, outbound }, clients: { matchArgon2id } }: Services,
): RegistrationServices {
  return {
    secrets: createSecrets({ clock, random, matchArgon2id }),
    clientRegistration: createClientRegistration({
      registration,
      registeredClients: stores.registeredClients,
      checkSectorIdentifier: createSectorIdentifierCheck(outbound),
      readStatement: createSoftwareStatements({ registration, issuer, algorithms, clock }),
      signingAlgorithms: keys.algorithms(),
      clock,
      random,
      log,
    }),
  }
}
