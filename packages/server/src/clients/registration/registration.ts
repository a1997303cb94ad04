/** Registers, reads, updates and removes clients (RFC 7591 §3, RFC 7592 §2). */

import type { Seconds } from '@tessera/protocol/brand'
import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import { hasBlockedRedirect } from '../../model/client-blocks.ts'
import { hashHandle, newClientCredential, newId } from '../../model/handle.ts'
import type { RegisteredClients } from '../../model/ports/stores.ts'
import { type SectorMember, sectorOf } from '../../model/redirect.ts'
import type { RegisteredClient } from '../../model/registered-client.ts'
import type { SealedClients } from '../../model/registration.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Clock, Random, TokenHash } from '../../runtime/ports.ts'
import { hasExpired } from './client-lookup.ts'
import { isDisplayedAlike, isEmpty } from './metadata.ts'
import { type ValidationPorts, type ValidMetadata, validateMetadata } from './metadata-validation.ts'

type RegistrationPorts = ValidationPorts & {
  readonly registeredClients: RegisteredClients
  readonly sealedClients: Pick<SealedClients, 'issue'>
  /** Returns the destinations to which no client may redirect. */
  readonly blockedRedirects: () => readonly string[]
  readonly clock: Clock
  readonly random: Random
}

/** A registration with its secrets, which are returned once because only their hashes are stored. */
export type Registered = {
  readonly client: Pick<
    RegisteredClient,
    'client_id' | 'metadata' | 'created_at' | 'client_secret_hash' | 'client_secret_expires_at' | 'vouched_by'
  >
  /** Undefined for a client without a row, which can't be managed. */
  readonly registration_access_token?: string
  /** Set if it was newly created. */
  readonly client_secret?: string
  /** Requested values that were not registered, for the log. */
  readonly left?: readonly string[]
}

export type ClientRegistration = {
  /**
   * Registers a client, without a row if it can have a sealed id. Refuses what {@link validateMetadata} refuses,
   * `invalid_redirect_uri` for a blocked destination, and `temporarily_unavailable` if there are too many clients.
   */
  readonly register: (
    metadata: JsonObject,
    by: 'initial_access_token' | undefined,
  ) => Promise<Result<Registered>>
  /** Returns the client of a registration access token. Refuses `invalid_token`. Unknown clients cost the same work. */
  readonly open: (clientId: string, token: string) => Promise<Result<RegisteredClient>>
  /** Replaces the registration (RFC 7592 §2.2) and its access token. */
  readonly update: (client: RegisteredClient, metadata: JsonObject) => Promise<Result<Registered>>
  readonly remove: (client: RegisteredClient) => Promise<boolean>
}

export function createClientRegistration(ports: RegistrationPorts): ClientRegistration {
  const { registration, registeredClients, clock, random } = ports

  return {
    async register(sent, by) {
      const client_id = newId(random)
      const valid = await validateMetadata(sent, client_id, ports)
      if (!valid.ok) return valid
      const blocked = blockedRefusal(valid.value)
      if (blocked) return blocked
      const { metadata, client, left } = valid.value
      // An initial access token makes a client trusted, and only a row records that.
      const sealed = by === undefined ? ports.sealedClients.issue(metadata, client) : undefined
      if (sealed) {
        const { client_id, issued_at: created_at } = sealed
        return ok({ client: { client_id, metadata, created_at }, left })
      }
      const now = clock.now()
      const made = withCredentials(
        {
          client_id,
          version: 1,
          created_at: now,
          ...endOf(),
          metadata,
          ...trustOf(valid.value, by),
        },
        valid.value.needsSecret ? newSecret() : {},
      )
      const { mostClients, mostUnusedClients } = registration
      const unused = { most: mostUnusedClients, since: now - leastAge }
      return (await registeredClients.add(made.client, mostClients, unused))
        ? ok({ ...made, left })
        : refuse('temporarily_unavailable', 'registered_clients_full', {
            description: 'this server does not accept more clients now',
            log: { most: mostClients, most_unused: mostUnusedClients },
          })
    },
    async open(clientId, token) {
      const client = await registeredClients.find(clientId)
      const hash = hashHandle(token)
      const fits = equalInConstantTime(client?.registration_token_hash ?? '', hash)
      return client && fits && !hasExpired(client, clock.now())
        ? ok(client)
        : refuse('invalid_token', 'registration_token_invalid', {
            description: 'The access token is not valid',
            log: { client_id: clientId.slice(0, 100) },
          })
    },
    async update(client, sent) {
      const refusal = updateRefusal(client, sent)
      if (refusal) return refusal
      const valid = await validateMetadata(sent, client.client_id, ports)
      if (!valid.ok) return valid
      const refused = blockedRefusal(valid.value) ?? identifiersRefusal(client, valid.value.client)
      if (refused) return refused
      const { client_id, version, created_at, used_at, used_by, vouched_by } = client
      const made = withCredentials(
        {
          client_id,
          version: version + 1,
          created_at,
          ...endOf(),
          metadata: valid.value.metadata,
          used_at,
          used_by,
          ...shownSince(client, valid.value),
          ...trustOf(valid.value, vouched_by),
        },
        secretAfter(client, valid.value),
      )
      return (await registeredClients.replace(made.client))
        ? ok({ ...made, left: valid.value.left })
        : refuse('invalid_token', 'registration_token_replaced', {
            description: 'The client was updated at the same time',
          })
    },
    remove: ({ client_id }) => registeredClients.remove(client_id),
  }

  function blockedRefusal({ client }: ValidMetadata): Refusal | undefined {
    return hasBlockedRedirect(client, ports.blockedRedirects())
      ? refuse('invalid_redirect_uri', 'client_redirect_blocked', {
          description:
            'redirect_uris, post_logout_redirect_uris: this server does not redirect to one of the hosts',
        })
      : undefined
  }

  function withCredentials(
    client: Omit<RegisteredClient, 'registration_token_hash'>,
    secret: Secret,
  ): Registered & { readonly client: RegisteredClient } {
    const registration_access_token = newClientCredential(random, 'tcr')
    const { client_secret, ...kept } = secret
    return {
      client: { ...client, ...kept, registration_token_hash: hashHandle(registration_access_token) },
      registration_access_token,
      client_secret,
    }
  }

  /** Returns the secret after an update: one that expires is replaced, and one that doesn't is kept. */
  function secretAfter(client: RegisteredClient, { needsSecret }: ValidMetadata): Secret {
    const { client_secret_hash, client_secret_expires_at } = client
    if (!needsSecret) return {}
    const keeps = client_secret_hash !== undefined && client_secret_expires_at === undefined
    return keeps ? { client_secret_hash } : newSecret()
  }

  function newSecret(): Secret {
    const client_secret = newClientCredential(random, 'tcs')
    const { clientSecretLifetime: lifetime } = registration
    return {
      client_secret,
      client_secret_hash: hashHandle(client_secret),
      client_secret_expires_at: lifetime > 0 ? clock.now() + lifetime : undefined,
    }
  }

  function shownSince(
    { metadata, shown_since }: RegisteredClient,
    after: ValidMetadata,
  ): Pick<RegisteredClient, 'shown_since'> {
    if (!isDisplayedAlike(metadata, after.metadata)) return { shown_since: clock.now() }
    return shown_since === undefined ? {} : { shown_since }
  }

  function endOf(): Pick<RegisteredClient, 'expires_at'> {
    const { unusedClientLifetime: lifetime } = registration
    return lifetime > 0 ? { expires_at: clock.now() + lifetime } : {}
  }
}

/** The minimum time for which an unused client is kept, because its first user may still be signing in. */
const leastAge: Seconds = 120

/** Returns the credential that makes the client trusted. A statement does not count after an update without it. */
function trustOf(
  { trusted }: ValidMetadata,
  before: RegisteredClient['vouched_by'],
): Pick<RegisteredClient, 'vouched_by'> {
  if (trusted) return { vouched_by: 'software_statement' }
  return before === undefined || before === 'software_statement' ? {} : { vouched_by: before }
}

type Secret = Pick<RegisteredClient, 'client_secret_expires_at'> & {
  readonly client_secret?: string
  readonly client_secret_hash?: TokenHash
}

/**
 * Refuses changes of a client's identifiers. A client with a user's refresh token could otherwise learn the user's
 * identifier in another sector, or the internal `sub` (OpenID Connect Core 1.0 §8.1).
 */
function identifiersRefusal({ client_id, metadata }: RegisteredClient, after: Client): Refusal | undefined {
  const { subject_type, ...before } = { ...metadata, client_id } as JsonObject as SectorMember &
    Pick<Client, 'subject_type'>
  const stays = subject_type === after.subject_type
  if (stays && (subject_type === 'public' || sectorOf(before) === sectorOf(after))) return undefined
  return refuse('invalid_client_metadata', 'client_identifiers_changed', {
    description: `${stays ? 'redirect_uris: the host' : 'subject_type'}: can not be changed`,
  })
}

const neverSent = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
] as const

/** Requires the client's own `client_id` and, if sent, its current `client_secret` (RFC 7592 §2.2). */
function updateRefusal(client: RegisteredClient, sent: JsonObject): Refusal | undefined {
  const invalid = (description: string): Refusal =>
    refuse('invalid_client_metadata', 'client_update_malformed', { description })
  if (sent.client_id !== client.client_id) return invalid('client_id: must be the client_id of this client')
  const surplus = neverSent.find(name => !isEmpty(sent[name]))
  if (surplus) return invalid(`${surplus}: may not be sent`)
  const { client_secret } = sent
  if (isEmpty(client_secret)) return undefined
  return typeof client_secret === 'string' &&
    equalInConstantTime(hashHandle(client_secret), client.client_secret_hash ?? '')
    ? undefined
    : invalid('client_secret: must be the current secret of this client')
}
