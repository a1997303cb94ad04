/** Dynamic client registration. */

import { createSecrets, type Secrets } from '../clients/authentication/secrets.ts'
import { type ClientRegistration, createClientRegistration } from '../clients/registration/registration.ts'
import { createSectorIdentifierCheck } from '../clients/registration/sector-identifier.ts'
import { createSoftwareStatements } from '../clients/registration/software-statement.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { AuditType, NoteAudit } from '../model/audit.ts'
import type { RegisteredClient } from '../model/registered-client.ts'
import { currentOrigin, withOrigin } from '../runtime/async/origin.ts'
import type { Services } from './services.ts'

export type RegistrationServices = {
  readonly secrets: Secrets
  readonly clientRegistration: ClientRegistration
}

export function createRegistrationServices(
  { registration, issuer, signatureAlgorithms: algorithms }: Configuration,
  {
    context: { stores, keys, clock, random, log, outbound, events },
    clients: { matchArgon2id, sealed, blockedRedirects },
  }: Services,
): RegistrationServices {
  return {
    secrets: createSecrets({ clock, random, matchArgon2id }),
    clientRegistration: noteRegistrations(
      events.note,
      createClientRegistration({
        registration,
        registeredClients: stores.registeredClients,
        sealedClients: sealed,
        blockedRedirects,
        checkSectorIdentifier: createSectorIdentifierCheck(outbound),
        readStatement: createSoftwareStatements({ registration, issuer, algorithms, clock }),
        signingAlgorithms: keys.algorithms(),
        clock,
        random,
        log,
      }),
    ),
  }
}

type RegistrationType = Extract<AuditType, `client.${string}`>

/**
 * Records in the audit log what vouched clients register. Anyone can register others, and the log would grow by a record for
 * each, while their own number is limited.
 */
function noteRegistrations(note: NoteAudit, registration: ClientRegistration): ClientRegistration {
  // Nobody sits at a browser.
  const noted = (
    type: RegistrationType,
    { client_id, vouched_by }: Pick<RegisteredClient, 'client_id' | 'vouched_by'>,
  ): void => {
    if (vouched_by === undefined) return
    withOrigin({ ...currentOrigin(), actor: { kind: 'server' } }, () => note(type, { client_id, vouched_by }))
  }
  return {
    ...registration,
    async register(metadata, by) {
      const registered = await registration.register(metadata, by)
      if (registered.ok) noted('client.registered', registered.value.client)
      return registered
    },
    async update(client, metadata) {
      const updated = await registration.update(client, metadata)
      if (updated.ok) noted('client.registration_updated', updated.value.client)
      return updated
    },
    async remove(client) {
      const isRemoved = await registration.remove(client)
      if (isRemoved) noted('client.registration_removed', client)
      return isRemoved
    },
  }
}
